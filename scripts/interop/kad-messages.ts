/**
 * The six messages of Kademlia in bytes, written from PROTOCOL.md alone: what our nodes say is checked against
 * them, not against the library that says it. Protocol buffers of four wire fields, nothing more.
 */

/** Numbers of the messages. */
export const KAD_TYPES = {
  putValue: 0,
  getValue: 1,
  addProvider: 2,
  getProviders: 3,
  findNode: 4,
  ping: 5,
} as const

export interface KadPeer {
  /** Multihash. */
  readonly id: Uint8Array
  /** Multiaddrs in bytes. */
  readonly addresses: readonly Uint8Array[]
}

export interface KadRecord {
  readonly key: Uint8Array
  readonly value: Uint8Array
  /** RFC 3339; some implementations send none. */
  readonly receivedAt: string
}

export interface KadMessage {
  readonly type: number
  readonly key?: Uint8Array
  readonly record?: KadRecord
  readonly closer?: readonly KadPeer[]
  readonly providers?: readonly KadPeer[]
}

/** Field numbers. */
const MESSAGE = { type: 1, key: 2, record: 3, closer: 8, providers: 9 } as const
const RECORD = { key: 1, value: 2, receivedAt: 5 } as const
const PEER = { id: 1, address: 2 } as const
const LENGTH_DELIMITED = 2

export function encodeKadMessage(message: KadMessage): Uint8Array {
  const { type, key, record, closer = [], providers = [] } = message
  return concat([
    ...(type === 0 ? [] : [Uint8Array.of(MESSAGE.type << 3, type)]),
    ...(key === undefined ? [] : [field(MESSAGE.key, key)]),
    ...(record === undefined ? [] : [field(MESSAGE.record, encodeKadRecord(record))]),
    ...closer.map((peer) => field(MESSAGE.closer, encodePeer(peer))),
    ...providers.map((peer) => field(MESSAGE.providers, encodePeer(peer))),
  ])
}

function encodeKadRecord({ key, value, receivedAt }: KadRecord): Uint8Array {
  const time = new TextEncoder().encode(receivedAt)
  return concat([
    field(RECORD.key, key),
    field(RECORD.value, value),
    ...(time.length === 0 ? [] : [field(RECORD.receivedAt, time)]),
  ])
}

function encodePeer({ id, addresses }: KadPeer): Uint8Array {
  return concat([field(PEER.id, id), ...addresses.map((bytes) => field(PEER.address, bytes))])
}

/** @throws {Error} bytes that are no such message */
export function decodeKadMessage(bytes: Uint8Array): KadMessage {
  const fields = readFields(bytes)
  const [key] = fields.bytes(MESSAGE.key)
  const [record] = fields.bytes(MESSAGE.record)
  return {
    type: fields.number(MESSAGE.type) ?? 0,
    ...(key === undefined ? {} : { key }),
    ...(record === undefined ? {} : { record: decodeKadRecord(record) }),
    closer: fields.bytes(MESSAGE.closer).map(decodePeer),
    providers: fields.bytes(MESSAGE.providers).map(decodePeer),
  }
}

function decodeKadRecord(bytes: Uint8Array): KadRecord {
  const fields = readFields(bytes)
  const [key = EMPTY] = fields.bytes(RECORD.key)
  const [value = EMPTY] = fields.bytes(RECORD.value)
  const [time = EMPTY] = fields.bytes(RECORD.receivedAt)
  return { key, value, receivedAt: new TextDecoder().decode(time) }
}

function decodePeer(bytes: Uint8Array): KadPeer {
  const fields = readFields(bytes)
  const [id = EMPTY] = fields.bytes(PEER.id)
  return { id, addresses: fields.bytes(PEER.address) }
}

const EMPTY: Uint8Array = new Uint8Array(0)

interface Fields {
  number(field: number): number | undefined
  bytes(field: number): readonly Uint8Array[]
}

function readFields(bytes: Uint8Array): Fields {
  const found: { readonly field: number; readonly value: number | Uint8Array }[] = []
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = bytes[at++]
      if (byte === undefined) throw new Error('Cannot read a message: it ends early')
      value += (byte & 127) * 2 ** shift
      if (byte < 128) return value
    }
    throw new Error('Cannot read a message: a number is too long')
  }
  while (at < bytes.length) {
    const tag = varint()
    const value = varint()
    if ((tag & 7) !== LENGTH_DELIMITED) found.push({ field: tag >>> 3, value })
    else {
      if (at + value > bytes.length) throw new Error('Cannot read a message: a field ends early')
      found.push({ field: tag >>> 3, value: bytes.subarray(at, at + value) })
      at += value
    }
  }
  const of = (field: number) => found.filter((each) => each.field === field)
  return {
    number: (field) =>
      of(field).flatMap(({ value }) => (typeof value === 'number' ? value : []))[0],
    bytes: (field) => of(field).flatMap(({ value }) => (typeof value === 'number' ? [] : [value])),
  }
}

function field(number: number, bytes: Uint8Array): Uint8Array {
  return concat([Uint8Array.of((number << 3) | LENGTH_DELIMITED), prefixed(bytes)])
}

/** Bytes behind their length, as messages go over streams too. */
export function prefixed(bytes: Uint8Array): Uint8Array {
  const head: number[] = []
  let rest = bytes.length
  for (; rest > 127; rest >>>= 7) head.push((rest & 127) | 128)
  return concat([Uint8Array.from([...head, rest]), bytes])
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
