import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { present } from '../../src/base/assert.ts'
import { hex } from '../../src/base/bytes.ts'
import { Outbox } from '../../src/base/core.ts'
import type { PeerId } from '../../src/base/ids.ts'
import { seededRandom } from '../../src/base/random.ts'
import { Flood } from '../../src/membership/flood.ts'
import { type Claim, decodeFrame, type Frame } from '../../src/membership/frame.ts'
import { Health } from '../../src/membership/health.ts'
import { Lateness } from '../../src/membership/lateness.ts'
import { createLink, type Link } from '../../src/membership/link.ts'
import type { MembershipOutput } from '../../src/membership/membership.ts'
import { resolveTunables } from '../../src/membership/options.ts'
import { decodeRecord, type SignedRecord } from '../../src/membership/record.ts'
import { RecordCache } from '../../src/membership/record-cache.ts'
import { Sync } from '../../src/membership/sync.ts'
import { Table } from '../../src/membership/table.ts'
import { keyOf, recordOf } from './records.ts'
import { TestSigner } from './signer.ts'

const NOW = Date.UTC(2026, 0, 1)
/** What any comparison of two different tables begins with: view and buckets. */
const START_BYTES = 17 + 514

/** One end of a comparison: a table, and the part that compares it. */
class Side {
  readonly table: Table
  readonly outbox = new Outbox<MembershipOutput>()
  readonly link: Link
  readonly sync: Sync
  bytesOut = 0
  recordsOut = 0

  constructor(cache: RecordCache, peerId: PeerId) {
    this.table = new Table(cache)
    const { outbox } = this
    this.link = createLink({
      peerId,
      now: NOW,
      direction: 'inbound',
      remoteAddress: '/ip4/10.0.0.1/tcp/1',
    })
    // Nothing is compared by itself.
    const tunables = resolveTunables({ antiEntropyMs: 3_600_000 })
    const links = new Map([[peerId, this.link]])
    const signer = new TestSigner(1)
    const random = seededRandom(1)
    this.sync = new Sync(
      {
        options: {
          signer,
          random,
          network: 'test',
          name: 'side',
          protocol: { min: 1, max: 1 },
          dialLoopback: false,
        },
        tunables,
        outbox,
        table: this.table,
        records: cache,
        links,
        flood: new Flood({ links, outbox, tunables }),
        health: new Health(),
        lateness: new Lateness(),
        pulse: { heardAt: NOW, lateAt: Number.NEGATIVE_INFINITY },
      },
      NOW,
    )
  }

  has(record: SignedRecord): void {
    const known = this.table.find(record.publicKey)
    if (known === undefined) this.table.add(record, NOW)
    else if (known.claims.record.incarnation < record.incarnation) {
      this.table.setClaims(known, { record, accusations: [] })
    }
  }

  tell(number: number, counter: number): void {
    const entry = present(this.table.find(keyOf(number)), 'a member')
    const { publicKey, epoch } = entry.claims.record
    const digest = new Uint8Array(16).fill(counter)
    this.table.setDigest(entry, { subject: publicKey, epoch, counter, digest, isDirect: false })
  }

  hear(frame: Frame, now: number): void {
    if (frame.type === 'view') this.sync.viewed(this.link, frame)
    else if (frame.type === 'buckets') this.sync.bucketsSeen(this.link, frame, now)
    else if (frame.type === 'branches') this.sync.branchesSeen(this.link, frame.branches)
    else if (frame.type === 'leaves') this.sync.leavesSeen(this.link, frame, now)
    else if (frame.type === 'claims') for (const claim of frame.claims) this.#believe(claim)
  }

  #believe(claim: Claim): void {
    if (claim.type === 'record') {
      const record = decodeRecord(claim.bytes)
      if (record.ok) this.has(record.value)
    } else if (claim.type === 'digest') {
      const entry = present(this.table.find(claim.digest.subject), 'a member')
      if ((entry.digest?.counter ?? 0) < claim.digest.counter) {
        this.table.setDigest(entry, { ...claim.digest, isDirect: false })
      }
    }
  }
}

/** Two tables that begin alike, over one perfect wire. */
class Pair {
  readonly cache = new RecordCache('test')
  readonly a = new Side(this.cache, new TestSigner(2).peerId)
  readonly b = new Side(this.cache, new TestSigner(1).peerId)
  rounds = 0
  #now = NOW

  constructor(members: number) {
    for (const side of [this.a, this.b]) {
      for (let number = 0; number < members; number++) side.has(recordOf(number))
    }
  }

  /** One comparison, begun by `a`, until nobody has anything more to say. */
  compare(): void {
    this.#now += 10_000
    this.a.sync.compare(this.a.link, this.#now)
    for (let isQuiet = false; !isQuiet; this.rounds++) {
      const toB = this.#deliver(this.a, this.b)
      const toA = this.#deliver(this.b, this.a)
      isQuiet = !toA && !toB && this.a.link.pushAt === undefined && this.b.link.pushAt === undefined
      this.#now += 20
      for (const side of [this.a, this.b]) side.sync.work(this.#now)
    }
  }

  get bytes(): number {
    return this.a.bytesOut + this.b.bytesOut
  }

  get records(): number {
    return this.a.recordsOut + this.b.recordsOut
  }

  isEqual(): boolean {
    const hashes = ({ table }: Side): string => hex(table.viewHash()) + hex(table.digestsHash())
    return hashes(this.a) === hashes(this.b)
  }

  #deliver(from: Side, to: Side): boolean {
    let any = false
    for (let output = from.outbox.shift(); output !== undefined; output = from.outbox.shift()) {
      if (output.type !== 'send') continue
      any = true
      from.bytesOut += output.bytes.length
      const frame = decodeFrame(output.bytes)
      if (!frame.ok) throw new Error(frame.reason)
      if (frame.value.type === 'claims') from.recordsOut += frame.value.claims.length
      to.hear(frame.value, this.#now)
    }
    return any
  }
}

describe('a comparison', () => {
  test('of equal tables is one frame of 17 bytes', () => {
    const pair = new Pair(1_000)
    pair.compare()
    expect(pair.bytes).toBe(17)
  })

  test.each([1_000, 5_000])('of %i members that differ in one costs 2 KB', (members) => {
    const pair = new Pair(members)
    pair.b.has(recordOf(7, { incarnation: 1 }))
    pair.compare()
    expect(pair.isEqual()).toBe(true)
    expect(pair.records).toBe(2)
    const recordBytes = 2 * (recordOf(7).bytes.length + 8)
    expect(pair.bytes).toBeLessThanOrEqual(START_BYTES + recordBytes + 2 + 257 + 1_000)
  })

  test.each([1_000, 5_000])('of %i members of which 50 differ costs as much again', (members) => {
    const pair = new Pair(members)
    for (let number = 0; number < 50; number++) pair.a.has(recordOf(number, { incarnation: 1 }))
    pair.compare()
    expect(pair.isEqual()).toBe(true)
    expect(pair.records).toBe(100)
    const recordBytes = 100 * (recordOf(7).bytes.length + 8)
    const hashBytes = 32 * 257 + 2 * 50 * (12 + (8 * members) / 400)
    expect(pair.bytes).toBeLessThanOrEqual(START_BYTES + recordBytes + hashBytes)
  })

  test('with a table that is empty tells all members once', () => {
    const pair = new Pair(0)
    for (let number = 0; number < 1_000; number++) pair.b.has(recordOf(number))
    pair.compare()
    expect(pair.isEqual()).toBe(true)
    expect(pair.records).toBe(1_000)
  })

  const change = fc.record({
    side: fc.boolean(),
    number: fc.nat({ max: 399 }),
    kind: fc.constantFrom('member' as const, 'record' as const, 'digest' as const),
  })

  test.each([20, 300])('of %i members ends equal, whatever differed', (members) => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
        const pair = new Pair(members)
        for (const { side, number, kind } of changes) {
          const changed = side ? pair.a : pair.b
          if (kind === 'member') changed.has(recordOf(members + number))
          else if (kind === 'record') {
            changed.has(recordOf(number % members, { incarnation: 1 + (number % 3) }))
          } else changed.tell(number % members, 1 + number)
        }
        pair.compare()
        expect(pair.isEqual()).toBe(true)
        expect(pair.records).toBeLessThanOrEqual(members <= 128 ? 1_000 : 2 * changes.length)
      }),
      { numRuns: 60 },
    )
  })
})
