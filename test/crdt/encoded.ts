import { utf8 } from '../../src/base/bytes.ts'
import { parseReplicaId, type ReplicaId } from '../../src/base/ids.ts'
import { AMOUNT_BYTES_MAX, writeAmount } from '../../src/crdt/amount.ts'
import { EventDraft, type Lanes } from '../../src/crdt/event-draft.ts'
import {
  KIND_COUNTER,
  KIND_MAP_COUNTER,
  KIND_MAP_SET,
  KIND_MAP_VALUE,
  KIND_NONE,
  KIND_REGISTER,
  KIND_SET,
  KIND_UNKNOWN,
  objectTypeOf,
} from '../../src/crdt/kinds.ts'
import { chainStep, killShare, objectLanes, replicaLanes } from '../../src/crdt/lanes.ts'
import { pathBytesMax, writePath } from '../../src/crdt/map-path.ts'
import { type RunNames, RunWriter } from '../../src/crdt/run-writer.ts'
import type { Content, UnpackedEvent } from '../../src/crdt/unpack-run.ts'

export type WrittenEvent = Omit<UnpackedEvent, 'replica' | 'n'>

export interface WrittenRun {
  readonly replica: ReplicaId
  readonly n0: number
  readonly events: readonly WrittenEvent[]
  /** The writer's chain before n0; that of a writer without events when absent. */
  readonly chain?: Lanes
}

/** A replica id of one repeated digit. */
export function replicaOf(digit: string): ReplicaId {
  const id = parseReplicaId(digit.repeat(32))
  if (id === undefined) throw new Error(`no replica id: ${digit}`)
  return id
}

/** Encodes events by the production writer, the way a group does; see unpackRun for the way back. */
export function encodeRun(run: WrittenRun): Uint8Array {
  const { replica, n0, events } = run
  const names = new Names()
  const writer = new RunWriter(names)
  const self = names.replica(replica)
  writer.begin(self, n0, Math.max(0, (events[0]?.stamp ?? 0) - 1))
  for (const event of events) writer.add(draftOf(event, names), event.starts)
  return writer.finish(chainOf(run))
}

/** Encodes live entries, at given distances from each other. */
export function encodeEntries(
  replica: ReplicaId,
  n0: number,
  items: readonly (WrittenEvent | number)[],
): Uint8Array {
  const names = new Names()
  const writer = new RunWriter(names)
  const first = items.find((item) => typeof item !== 'number')
  writer.begin(names.replica(replica), n0, Math.max(0, (first?.stamp ?? 0) - 1), true)
  for (const item of items) {
    if (typeof item === 'number') writer.skip(item)
    else writer.add(draftOf(item, names), item.starts)
  }
  return writer.finish(undefined)
}

/** A writer's chain after events, from their meaning alone. */
export function chainOf({ replica, events, chain }: WrittenRun): Lanes {
  let { high, low } = chain ?? replicaLanes(replica)
  for (const event of events) {
    const draft = draftOf(event, new Names())
    let killsHigh = 0
    let killsLow = 0
    for (const { replica: killed, n } of event.kills) {
      const lanes = replicaLanes(killed)
      killsHigh = (killsHigh + killShare(lanes.high, n)) | 0
      killsLow = (killsLow + killShare(lanes.low, n)) | 0
    }
    const stamp = event.starts ? event.stamp : -1
    high = chainStep(high, draft.high, killsHigh, stamp)
    low = chainStep(low, draft.low, killsLow, stamp)
  }
  return { high, low }
}

const KINDS = {
  set: KIND_SET,
  counter: KIND_COUNTER,
  register: KIND_REGISTER,
  'map-value': KIND_MAP_VALUE,
  'map-counter': KIND_MAP_COUNTER,
  'map-set': KIND_MAP_SET,
  unknown: KIND_UNKNOWN,
} as const

class Names implements RunNames {
  readonly #objects: string[] = []
  readonly #numbers = new Map<string, number>()
  readonly #replicas: ReplicaId[] = []

  object(key: string, name: string): number {
    const known = this.#numbers.get(key)
    if (known !== undefined) return known
    this.#numbers.set(key, this.#objects.length)
    return this.#objects.push(name) - 1
  }

  replica(id: ReplicaId): number {
    const known = this.#replicas.indexOf(id)
    return known >= 0 ? known : this.#replicas.push(id) - 1
  }

  objectName(object: number): string {
    return this.#objects[object] ?? ''
  }

  replicaAt(replica: number): ReplicaId {
    return this.#replicas[replica] ?? replicaOf('0')
  }
}

function draftOf({ content, stamp, kills }: WrittenEvent, names: Names): EventDraft {
  const draft = new EventDraft()
  draft.stamp = stamp
  if (content !== undefined) fill(draft, content, names)
  else draft.kind = KIND_NONE
  for (const { replica, n } of kills) draft.kill(names.replica(replica), n)
  return draft
}

function fill(draft: EventDraft, content: Content, names: Names): void {
  const kind = KINDS[content.type]
  draft.kind = kind
  const key = keyOf(content)
  draft.keyBytes = key
  draft.keyEnd = key.length
  const payload = payloadOf(content)
  draft.payloadBytes = payload
  draft.payloadEnd = payload.length
  if (content.type === 'unknown') {
    draft.seal({ high: 0, low: 0 })
    return
  }
  const type = objectTypeOf(kind)
  draft.object = names.object(`${type}:${content.object}`, content.object)
  draft.seal(objectLanes(type, content.object))
}

function keyOf(content: Content): Uint8Array {
  if (content.type === 'set') return utf8(content.element)
  if (!('path' in content)) return new Uint8Array()
  const bytes = new Uint8Array(pathBytesMax(content.path))
  return bytes.slice(0, writePath(content.path, bytes, 0))
}

function payloadOf(content: Content): Uint8Array {
  switch (content.type) {
    case 'counter':
      return amountBytes(content.total, content.growOnly)
    case 'map-counter':
      return amountBytes(content.amount, false)
    case 'register':
    case 'map-value':
      return utf8(content.json)
    case 'map-set':
      return utf8(content.element)
    case 'unknown':
      return content.bytes
    case 'set':
      return new Uint8Array()
  }
}

function amountBytes(amount: bigint, growOnly: boolean): Uint8Array {
  const bytes = new Uint8Array(AMOUNT_BYTES_MAX)
  return bytes.slice(0, writeAmount(bytes, 0, amount, growOnly))
}
