import { expect, test } from 'vitest'
import { asksForState, bringsState } from '../../src/engine/full-store.ts'
import { encodeFrame } from '../../src/replication/sync/frame-codec.ts'
import type { SyncFrame } from '../../src/replication/sync/frames.ts'
import { replicaOf } from '../crdt/encoded.ts'

const GROUP = { group: 'main', session: 1 } as const
const HASH = new Uint8Array(8)
const DIGEST = new Uint8Array(16)

/** One frame of every type: a new type does not compile without one here. */
const FRAMES: { readonly [Type in SyncFrame['type']]: Extract<SyncFrame, { type: Type }> } = {
  summary: { type: 'summary', hash: HASH },
  digest: { type: 'digest', wantsAnswer: true, isLast: true, after: '', items: [] },
  equal: { type: 'equal', hash: HASH },
  pull: { type: 'pull', ...GROUP, credit: 1, vector: [], partials: [], base: undefined },
  base: { type: 'base', ...GROUP, head: undefined, items: [] },
  'base-piece': {
    type: 'base-piece',
    ...GROUP,
    hash: { high: 1, low: 2 },
    total: 1,
    index: 0,
    bytes: new Uint8Array(1),
  },
  events: { type: 'events', ...GROUP, sentTo: [], runs: [] },
  piece: {
    type: 'piece',
    ...GROUP,
    replica: replicaOf('a'),
    n0: 1,
    total: 1,
    index: 0,
    bytes: new Uint8Array(1),
  },
  end: {
    type: 'end',
    ...GROUP,
    hasMore: false,
    isPartial: false,
    digest: DIGEST,
    cursor: undefined,
  },
  ack: { type: 'ack', group: 'main', vector: [] },
  fork: { type: 'fork', group: 'main', replica: replicaOf('a'), n: 1 },
  trace: { type: 'trace', group: 'main', replica: replicaOf('a'), dots: [1] },
  chains: { type: 'chains', group: 'main', replica: replicaOf('a'), asked: 1, have: 1, chains: [] },
}

function typesOf(isSo: (bytes: Uint8Array) => boolean): readonly string[] {
  return Object.values(FRAMES)
    .filter((frame) => isSo(encodeFrame(frame)))
    .map(({ type }) => type)
}

test('bringsState() is true of all that is kept, of the end that may complete it, of proof that ids clash', () => {
  const types = typesOf((bytes) => bringsState('sync', bytes))
  expect(types).toEqual(['base', 'base-piece', 'events', 'piece', 'end', 'chains'])
})

test('asksForState() is true of pulls alone', () => {
  expect(typesOf((bytes) => asksForState('sync', bytes))).toEqual(['pull'])
})

test('frames of other protocols and malformed ones are nobody’s state', () => {
  for (const is of [bringsState, asksForState]) {
    expect(typesOf((bytes) => is('kv', bytes) || is('member', bytes))).toEqual([])
    expect(is('sync', new Uint8Array())).toBe(false)
    expect(is('sync', Uint8Array.of(0x2a))).toBe(false)
  }
})
