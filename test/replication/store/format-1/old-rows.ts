import { fromHex, hex, utf8 } from '../../../../src/base/bytes.ts'
import { Writer } from '../../../../src/base/codec.ts'
import type { StoreRow } from '../../../../src/base/core.ts'
import { hash64 } from '../../../../src/base/hash.ts'
import type { ReplicaId } from '../../../../src/base/ids.ts'

/** What format 1 could say. */
export type OldContent =
  | {
      readonly type: 'counter'
      readonly object: string
      readonly total: bigint
      readonly growOnly: boolean
    }
  | { readonly type: 'set'; readonly object: string; readonly element: string }
  | { readonly type: 'register'; readonly object: string; readonly json: string }
  | {
      readonly type: 'map-value'
      readonly object: string
      readonly path: readonly string[]
      readonly json: string
    }

export interface OldEvent {
  readonly content?: OldContent | undefined
  /** Ascending by number for each replica; each replica's together. */
  readonly kills?: readonly { readonly replica: ReplicaId; readonly n: number }[]
  readonly unknown?: { readonly kind: number; readonly bytes: Uint8Array }
}

export interface OldTransaction {
  readonly group: string
  readonly replica: ReplicaId
  readonly n0: number
  readonly stamp: number
  readonly events: readonly OldEvent[]
  /** Bytes of a signature, as a later version might have kept. */
  readonly trailer?: Uint8Array | undefined
}

/** A transaction's row as format 1 wrote it. */
export function oldRow(transaction: OldTransaction): StoreRow {
  const { group, replica, n0, stamp, events, trailer } = transaction
  const writer = new Writer(128).uint8(1).varint(trailer === undefined ? 0 : 1)
  writer.raw(bytesOf(replica)).varint(n0).varint(events.length).varint(stamp)
  // Nothing proves the checksum of the transaction before: it was for peers.
  writer.uint32(0x01020304).uint32(0x05060708)
  const names: string[] = []
  const replicas = [replica]
  for (const event of events) {
    if (event.unknown !== undefined) {
      writer.varint(event.unknown.kind * 2).bytes(event.unknown.bytes)
      continue
    }
    const kills = sorted(event.kills ?? [], replicas)
    writer.varint(kindOf(event.content) * 2 + (kills.length > 0 ? 1 : 0))
    if (event.content !== undefined) writeContent(writer, event.content, names)
    if (kills.length > 0) writeKills(writer, kills, replicas)
  }
  if (trailer !== undefined) writer.bytes(trailer)
  const key = `state!log!${hex(utf8(group))}!${replica}!${n0.toString(16).padStart(14, '0')}`
  return { key, value: sealed(group, writer.finish()) }
}

/** Bytes with the checksum that a transaction of a group ends with. */
export function sealed(group: string, body: Uint8Array): Uint8Array {
  const { high, low } = hash64(body, hash64(utf8(group)))
  return new Writer().raw(body).uint32(high).uint32(low).finish()
}

function kindOf(content: OldContent | undefined): number {
  switch (content?.type) {
    case undefined:
      return 0
    case 'counter':
      return content.growOnly ? 2 : 1
    case 'set':
      return 3
    case 'register':
      return 4
    case 'map-value':
      return 5
  }
}

function writeContent(writer: Writer, content: OldContent, names: string[]): void {
  const index = names.indexOf(content.object)
  writer.varint(index < 0 ? names.length : index)
  if (index < 0) {
    names.push(content.object)
    writer.text(content.object)
  }
  switch (content.type) {
    case 'counter':
      writeBigint(writer, content.total)
      return
    case 'set':
      writer.text(content.element)
      return
    case 'register':
      writer.text(content.json)
      return
    case 'map-value':
      writer.varint(content.path.length)
      for (const component of content.path) writer.text(component)
      writer.text(content.json)
  }
}

interface IndexedDot {
  readonly replica: number
  readonly n: number
  readonly id: ReplicaId
}

/** With the writers' places in the table: known ones first, new ones in order of first mention. */
function sorted(
  kills: NonNullable<OldEvent['kills']>,
  replicas: readonly ReplicaId[],
): readonly IndexedDot[] {
  const table = [...replicas]
  for (const { replica } of kills) if (!table.includes(replica)) table.push(replica)
  const dots = kills.map(({ replica, n }) => ({ replica: table.indexOf(replica), n, id: replica }))
  return dots.sort((a, b) => a.replica - b.replica || a.n - b.n)
}

function writeKills(writer: Writer, kills: readonly IndexedDot[], replicas: ReplicaId[]): void {
  const runs = new Map<number, IndexedDot[]>()
  for (const kill of kills) {
    const run = runs.get(kill.replica)
    if (run === undefined) runs.set(kill.replica, [kill])
    else run.push(kill)
  }
  writer.varint(runs.size)
  for (const [replica, [first, ...rest]] of runs) {
    if (first === undefined) continue
    writer.varint(replica)
    if (replica === replicas.length) {
      writer.raw(bytesOf(first.id))
      replicas.push(first.id)
    }
    writer.varint(rest.length + 1).varint(first.n)
    let before = first.n
    for (const { n } of rest) {
      writer.varint(n - before - 1)
      before = n
    }
  }
}

function bytesOf(replica: ReplicaId): Uint8Array {
  return fromHex(replica) ?? new Uint8Array()
}

/** Sign and length, then the magnitude, least byte first. */
function writeBigint(writer: Writer, value: bigint): void {
  const digits: number[] = []
  for (let rest = value < 0n ? -value : value; rest > 0n; rest >>= 8n) {
    digits.push(Number(rest & 0xffn))
  }
  writer.uint8(digits.length * 2 + (value < 0n ? 1 : 0))
  for (const digit of digits) writer.uint8(digit)
}
