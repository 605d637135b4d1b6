import { describe, expect, test } from 'vitest'
import { equalBytes } from '../../src/base/bytes.ts'
import type { PeerId } from '../../src/base/ids.ts'
import { seededRandom } from '../../src/base/random.ts'
import {
  decodeFrame,
  encodeProbeHeader,
  encodeRelayVerdict,
  type Frame,
  withClaims,
} from '../../src/membership/frame.ts'
import { Membership } from '../../src/membership/membership.ts'
import { signRecord } from '../../src/membership/record.ts'
import { RecordCache } from '../../src/membership/record-cache.ts'
import { type Entry, Table } from '../../src/membership/table.ts'
import { TestSigner } from './signer.ts'

const NOW = Date.UTC(2026, 0, 1)
const NETWORK = 'test'
const MEMBERS = 40
const TICK_MS = 50
const TURNS_MS = 300_000

/** One core that knows forty members and has links with some of them, which answer each ping at once. */
class Centre {
  readonly core: Membership
  /** Requests to relays about the far one, with whom they went to. */
  readonly requests: { readonly to: PeerId; readonly frame: Frame & { type: 'ping-request' } }[] =
    []
  readonly dialled: string[] = []
  /** Its own view of who should be linked with whom. */
  readonly #table = new Table(new RecordCache(NETWORK))
  readonly #others: readonly Entry[]
  readonly #self: Entry
  #now = NOW

  constructor() {
    this.core = new Membership({
      signer: new TestSigner(1),
      random: seededRandom(1),
      network: NETWORK,
      name: 'centre',
      protocol: { min: 1, max: 1 },
      dialLoopback: false,
    })
    this.core.start(NOW)
    this.#self = this.#table.add(this.core.introduce().claims.record, NOW)
    this.#others = Array.from({ length: MEMBERS }, (_, index) => this.#other(index + 2))
    this.core.adopt(this.#others, NOW)
  }

  #other(seed: number): Entry {
    const signer = new TestSigner(seed)
    const record = signRecord(signer, NETWORK, {
      publicKey: signer.publicKey,
      epoch: 10,
      incarnation: 0,
      status: 'alive',
      bootNonce: new Uint8Array(8),
      protocol: { min: 1, max: 1 },
      name: `member-${seed}`,
      addresses: [`/ip4/10.0.0.${seed}/tcp/4001`],
      tags: {},
    })
    return this.#table.add(record, NOW)
  }

  /** A member that the overlay wants no link with, nor with any of its observers. */
  get far(): Entry {
    const near = new Set(this.#table.neighbours(this.#self))
    const far = this.#others.find(
      (entry) => !near.has(entry) && this.observersOf(entry).every((other) => !near.has(other)),
    )
    if (far === undefined) throw new Error('everybody is near')
    return far
  }

  observersOf(entry: Entry): readonly Entry[] {
    return this.#table.neighbours(entry).filter((other) => other !== this.#self)
  }

  /** Links with all for whom it holds. */
  link(isLinked: (entry: Entry) => boolean): void {
    for (const { peerId } of this.#others.filter(isLinked)) {
      const remoteAddress = '/ip4/10.9.9.9/tcp/1'
      this.core.handle({ type: 'link-up', peer: peerId, remoteAddress, direction: 'inbound' }, NOW)
    }
    this.#drain()
  }

  run(ms: number): void {
    for (const endAt = this.#now + ms; this.#now < endAt; ) {
      this.#now += TICK_MS
      this.core.handle({ type: 'tick' }, this.#now)
      this.#drain()
    }
  }

  /** All have had their turn after a few minutes. */
  runUntil(holds: () => boolean): void {
    for (let at = 0; at < TURNS_MS && !holds(); at += TICK_MS) this.run(TICK_MS)
    if (!holds()) throw new Error('not in its turn')
  }

  /** The relays that were asked for the far one since the last call say so. */
  answer(verdict: 'alive' | 'silent'): void {
    for (const { to, frame } of this.requests.splice(0)) this.#reply(to, frame.sequence, verdict)
  }

  stateOf({ peerId }: Entry): string | undefined {
    return this.core.members().find((member) => member.peerId === peerId)?.state
  }

  #reply(peer: PeerId, sequence: number, verdict: 'alive' | 'silent'): void {
    const bytes = encodeRelayVerdict(sequence, verdict)
    this.core.handle({ type: 'frame', peer, bytes }, this.#now)
    this.#drain()
  }

  #drain(): void {
    for (let output = this.core.poll(); output !== undefined; output = this.core.poll()) {
      if (output.type === 'link-wanted') this.dialled.push(output.peer)
      if (output.type !== 'send') continue
      const frame = decodeFrame(output.bytes)
      if (!frame.ok) throw new Error(frame.reason)
      if (frame.value.type === 'ping-request') this.#request(output.peer, frame.value)
      else if (frame.value.type === 'ping') this.#ack(output.peer, frame.value.sequence)
    }
  }

  /** Relays know everybody but the far one alive. */
  #request(to: PeerId, frame: Frame & { type: 'ping-request' }): void {
    if (equalBytes(frame.target, this.far.publicKey)) this.requests.push({ to, frame })
    else this.#reply(to, frame.sequence, 'alive')
  }

  #ack(peer: PeerId, sequence: number): void {
    const digest = { epoch: 10, counter: 0, digest: undefined }
    const header = encodeProbeHeader({ type: 'ack', sequence, isFloodWanted: true, digest })
    this.core.handle({ type: 'frame', peer, bytes: withClaims(header, []) }, this.#now)
  }
}

describe('a member without a link', () => {
  test('is asked for through one observer; only more of them accuse it', () => {
    const centre = new Centre()
    const { far } = centre
    centre.link((entry) => entry !== far)
    centre.runUntil(() => centre.requests.length > 0)
    expect(centre.requests.length).toBe(1)
    expect(centre.observersOf(far).map(({ peerId }) => peerId)).toContain(centre.requests[0]?.to)
    centre.answer('silent')
    expect(centre.stateOf(far)).toBe('alive')
    centre.run(TICK_MS)
    expect(centre.requests.length).toBe(3)
    centre.answer('silent')
    expect(centre.stateOf(far)).toBe('suspect')
  })

  test('is asked for again in its turn when the observer hears it', () => {
    const centre = new Centre()
    const { far } = centre
    centre.link((entry) => entry !== far)
    centre.runUntil(() => centre.requests.length > 0)
    centre.answer('alive')
    centre.run(4_000)
    expect(centre.stateOf(far)).toBe('alive')
    expect(centre.requests.length).toBeLessThanOrEqual(1)
  })

  test('is dialled when no observer of it is linked', () => {
    const centre = new Centre()
    const { far } = centre
    const observers = centre.observersOf(far)
    centre.link((entry) => entry !== far && !observers.includes(entry))
    centre.runUntil(() => centre.dialled.includes(far.peerId))
    expect(centre.requests.length).toBe(0)
  })
})
