import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Writer } from '../src/base/codec.ts'
import { sha256 } from '../src/base/hash.ts'
import { peerIdFromPublicKey } from '../src/base/peer-id.ts'
import { decodeRecord, signRecord } from '../src/membership/record.ts'
import { RecordCache } from '../src/membership/record-cache.ts'
import { Table } from '../src/membership/table.ts'

const ALONE_MEMBERS = 10_000
const SHARED_MEMBERS = 5_000
const OBSERVERS = 20
const NOW = Date.UTC(2026, 0, 1)
/** The collector frees outside of the heap later than inside. */
const COLLECTIONS = 6

/** What a member costs, in bytes, by what the process holds more of. */
export interface MembersFigure {
  readonly label: string
  readonly bytes: number
}

/** Tables of members with two addresses, a tag and a digest. */
export async function membersBench(): Promise<readonly MembersFigure[]> {
  const collect = collector()
  const records = Array.from({ length: ALONE_MEMBERS }, (_, i) => recordOf(i))
  const held: Table[] = []
  const before = await collect()
  const table = fill(new RecordCache('bench'), records)
  held.push(table)
  const alone = (await collect()) - before
  table.rows()
  const seen = (await collect()) - before
  const cache = new RecordCache('bench')
  const some = records.slice(0, SHARED_MEMBERS)
  held.push(fill(cache, some))
  const shared = await collect()
  for (let i = 0; i < OBSERVERS; i++) held.push(fill(cache, some))
  const observers = (await collect()) - shared
  return [
    { label: `one node, ${ALONE_MEMBERS} members`, bytes: alone / ALONE_MEMBERS },
    { label: '… once users looked at all of them', bytes: seen / ALONE_MEMBERS },
    {
      label: `one more observer of ${SHARED_MEMBERS} members whose records are shared`,
      bytes: observers / OBSERVERS / SHARED_MEMBERS,
    },
  ]
}

function fill(cache: RecordCache, records: readonly Uint8Array[]): Table {
  const table = new Table(cache)
  for (const [i, bytes] of records.entries()) {
    const record = decodeRecord(bytes)
    if (!record.ok) throw new Error(record.reason)
    // They come one after the other, as over a wire.
    const entry = table.add(record.value, NOW + i)
    const { publicKey, epoch } = record.value
    const digest = new Uint8Array(16).fill(i)
    table.setDigest(entry, { subject: publicKey, epoch, counter: 1, digest, isDirect: false })
  }
  return table
}

function recordOf(number: number): Uint8Array {
  const publicKey = sha256(new Writer().uint32(number).finish())
  const host = `${number >> 8}.${number & 255}`
  const signer = {
    peerId: peerIdFromPublicKey(publicKey),
    publicKey,
    sign: () => new Uint8Array(64),
    verify: () => true,
    sha256,
  }
  return signRecord(signer, 'bench', {
    publicKey,
    epoch: 1_760_000_000,
    incarnation: 0,
    status: 'alive',
    bootNonce: new Uint8Array(8),
    protocol: { min: 1, max: 1 },
    name: `node-${number}`,
    addresses: [`/ip4/10.0.${host}/tcp/4001`, `/ip4/192.168.${host}/tcp/4001`],
    tags: { role: 'database' },
  }).bytes
}

/** Bytes in use after a full collection. */
function collector(): () => Promise<number> {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  if (typeof collect !== 'function') throw new Error('Cannot collect: Node.js has no gc()')
  return async () => {
    for (let i = 0; i < COLLECTIONS; i++) {
      collect()
      await turn()
    }
    const { heapUsed, external } = process.memoryUsage()
    return heapUsed + external
  }
}
