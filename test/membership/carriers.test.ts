import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { PeerId } from '../../src/base/ids.ts'
import { peerIdFromPublicKey } from '../../src/base/peer-id.ts'
import type { SignedRecord } from '../../src/membership/record.ts'
import { RecordCache } from '../../src/membership/record-cache.ts'
import { type EntryState, isLive, Table } from '../../src/membership/table.ts'
import { keyOf, recordOf } from './records.ts'

const NETWORK = 'test'
const NOW = Date.UTC(2026, 0, 1)
const SUBJECTS = 24
const STATES: readonly EntryState[] = ['alive', 'suspect', 'failed']
const REACHES = [[], ['/ip4/10.0.0.1/tcp/1'], ['/ip4/10.0.0.1/tcp/1', '/ip4/10.0.0.1/tcp/2/ws']]

const tell = (subject: number, reach: number): SignedRecord =>
  recordOf(subject, { incarnation: reach, addresses: REACHES[reach] ?? [] })

const peerOf = (subject: number): PeerId => peerIdFromPublicKey(keyOf(subject))

const step = fc.oneof(
  fc.record({ subject: fc.nat(SUBJECTS - 1), reach: fc.nat(2) }),
  fc.record({ subject: fc.nat(SUBJECTS - 1), state: fc.constantFrom(...STATES) }),
  fc.record({ subject: fc.nat(SUBJECTS - 1), isGone: fc.constant(true) }),
  fc.record({ observers: fc.array(fc.nat(SUBJECTS - 1), { maxLength: 4 }) }),
)

/** Everybody's neighbours by id. */
function neighbours(table: Table): ReadonlyMap<PeerId, readonly PeerId[]> {
  const all = [...table.entries()].map(
    (entry) =>
      [
        entry.peerId,
        table
          .neighbours(entry)
          .map(({ peerId }) => peerId)
          .sort(),
      ] as const,
  )
  return new Map(all.sort(([a], [b]) => (a < b ? -1 : 1)))
}

test('neighbours depend on who is there, how they are reached and who observes, not on what was', () => {
  const seen = { page: 0, gateway: 0, observer: 0 }
  const check = (
    steps: readonly (typeof step extends fc.Arbitrary<infer T> ? T : never)[],
  ): void => {
    const table = new Table(new RecordCache(NETWORK))
    let observers: ReadonlySet<PeerId> = new Set()
    for (let subject = 0; subject < SUBJECTS / 2; subject++) table.add(tell(subject, 1), NOW)
    for (const one of steps) {
      if ('observers' in one) {
        observers = new Set(one.observers.map(peerOf))
        table.setObservers(observers)
        continue
      }
      const entry = table.of(peerOf(one.subject))
      if ('reach' in one) {
        const record = tell(one.subject, one.reach)
        if (entry === undefined) table.add(record, NOW)
        else table.setClaims(entry, { record, accusations: [] })
      } else if (entry !== undefined && 'state' in one) table.setState(entry, one.state, NOW)
      else if (entry !== undefined) table.remove(entry)
    }
    const fresh = new Table(new RecordCache(NETWORK))
    fresh.setObservers(observers)
    for (const entry of table.entries()) {
      fresh.setState(fresh.add(entry.claims.record, NOW), entry.state, NOW)
    }
    expect(neighbours(table)).toEqual(neighbours(fresh))
    expect(table.speakerCount).toBe(fresh.speakerCount)
    const live = [...table.entries()].filter(isLive)
    const ways = new Map(live.map((entry) => [entry.peerId, entry.claims.record.addresses]))
    const isGateway = (peer: PeerId): boolean =>
      !observers.has(peer) && (ways.get(peer)?.length ?? 0) > 1
    const hasGateway = live.some(({ peerId }) => isGateway(peerId))
    expect(table.speakerCount).toBe(live.filter(({ peerId }) => !observers.has(peerId)).length)
    for (const [peer, near] of neighbours(table)) {
      const own = table.of(peer)?.claims.record.addresses.length
      if (observers.has(peer)) seen.observer += 1
      for (const other of near) {
        expect(observers.has(other)).toBe(false)
        expect(ways.get(other)?.length).toBeGreaterThan(0)
        if (own !== 0 || !hasGateway) continue
        expect(isGateway(other)).toBe(true)
        seen.gateway += 1
      }
      if (own === 0) seen.page += 1
    }
  }
  fc.assert(fc.property(fc.array(step, { maxLength: 40 }), check), { numRuns: 500 })
  for (const count of Object.values(seen)) expect(count).toBeGreaterThan(20)
})
