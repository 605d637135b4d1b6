import { expect, test } from 'vitest'
import { equalBytes } from '../../src/base/bytes.ts'
import type { StoreRow } from '../../src/base/core.ts'
import { sha256 } from '../../src/base/hash.ts'
import { peerIdFromPublicKey } from '../../src/base/peer-id.ts'
import { seededRandom } from '../../src/base/random.ts'
import { combineDigests } from '../../src/engine/combine-digests.ts'
import { Engine } from '../../src/engine/engine.ts'
import { presentMembers } from '../../src/engine/present-members.ts'
import type { Member } from '../../src/membership/membership.ts'

const NOW = Date.UTC(2026, 0, 1)

function createEngine(): Engine {
  const publicKey = new Uint8Array(32).fill(1)
  return new Engine({
    signer: {
      publicKey,
      peerId: peerIdFromPublicKey(publicKey),
      sign: () => new Uint8Array(64),
      verify: () => true,
      sha256,
    },
    random: seededRandom(1),
    network: 'test',
    name: 'one',
    protocol: { min: 1, max: 1 },
    replication: 5,
    dialLoopback: true,
  })
}

/** Everything that an engine asked to persist, as the store would give it back. */
function persistedRows(engine: Engine): readonly StoreRow[] {
  const rows = new Map<string, Uint8Array>()
  for (let output = engine.poll(); output !== undefined; output = engine.poll()) {
    if (output.type !== 'persist') continue
    for (const { key, value } of output.writes) {
      if (value === undefined) rows.delete(key)
      else rows.set(key, value)
    }
  }
  return [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => ({ key, value }))
}

test('a restarted engine tells the digest of what it loaded', () => {
  const before = createEngine()
  before.start(NOW)
  before.handle(
    {
      type: 'command',
      request: 1,
      command: {
        type: 'transact',
        group: 'main',
        operations: [{ type: 'set-add', object: 's', values: ['a'] }],
      },
    },
    NOW,
  )
  before.handle({ type: 'flush' }, NOW)
  const rows = persistedRows(before)
  const after = createEngine()
  for (const row of rows) after.load(row)
  after.start(NOW + 5_000)
  expect(after.stateDigest()).toEqual(before.stateDigest())
  expect(after.membership.self.digest).toEqual(before.stateDigest())
})

test('load() counts a row that belongs to nobody', () => {
  const engine = createEngine()
  engine.load({ key: 'other!row', value: new Uint8Array() })
  expect(engine.drops.get('unknown store row')).toBe(1)
})

test('combineDigests() is main alone, and depends on name and digest of every group', () => {
  const one = new Uint8Array(16).fill(1)
  const two = new Uint8Array(16).fill(2)
  expect(combineDigests(new Map())).toEqual(new Uint8Array(16))
  expect(combineDigests(new Map([['main', one]]))).toEqual(one)
  const pair = combineDigests(
    new Map([
      ['main', one],
      ['team', two],
    ]),
  )
  expect(pair).toEqual(
    combineDigests(
      new Map([
        ['team', two],
        ['main', one],
      ]),
    ),
  )
  expect(
    equalBytes(
      pair,
      combineDigests(
        new Map([
          ['main', two],
          ['team', one],
        ]),
      ),
    ),
  ).toBe(false)
  expect(equalBytes(combineDigests(new Map([['team', one]])), one)).toBe(false)
})

test('presentMembers() counts the failed for ten minutes and never the left', () => {
  const node = createEngine()
  node.start(NOW)
  const { self } = node.membership
  const addresses = ['/ip4/10.0.0.1/tcp/1']
  const failed = { ...self, addresses, state: 'failed', since: NOW } as const
  const left = { ...self, addresses, state: 'left', since: NOW } as const
  const rows = [{ ...self, addresses, state: 'alive', since: NOW } as const, failed, left]
  expect(presentMembers(rows, node, NOW + 599_999)).toMatchObject({
    lost: 1,
    changesAt: NOW + 600_000,
  })
  expect(presentMembers(rows, node, NOW + 600_000)).toMatchObject({ lost: 0, changesAt: undefined })
  expect(presentMembers(rows, node, NOW).members).toHaveLength(1)
})

test('presentMembers() leaves out whom nobody can dial, unless there is nobody else', () => {
  const node = createEngine()
  node.start(NOW)
  const { self } = node.membership
  const row = (state: 'alive' | 'failed', addresses: readonly string[]): Member => {
    return { ...self, publicKey: self.publicKey, peerId: self.peerId, since: NOW, state, addresses }
  }
  const otherPeer = peerIdFromPublicKey(new Uint8Array(32).fill(9))
  const page = row('alive', [])
  const member = row('alive', ['/ip4/10.0.0.1/tcp/1'])
  expect(presentMembers([page, page], node, NOW).members).toHaveLength(2)
  const present = presentMembers([page, { ...member, peerId: otherPeer }], node, NOW)
  expect(present.members.map(({ peerId }) => peerId)).toEqual([otherPeer])
  expect(present.isHolder).toBe(false)
  // A page that was closed makes no quorum larger.
  expect(presentMembers([member, row('failed', [])], node, NOW).lost).toBe(0)
})
