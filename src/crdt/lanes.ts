import { byteView } from '../base/byte-view.ts'
import { utf8 } from '../base/bytes.ts'
import { hashLanes, mix32, mixNumber32 } from '../base/hash32.ts'
import type { ReplicaId } from '../base/ids.ts'
import type { Lanes } from './event-draft.ts'
import type { ObjectType } from './operation.ts'

/*
 * What goes into which hash. A live dot's share of the fingerprint: its content's hash, its writer, its
 * number. A writer's chain: from the hash of its id over the sequence of its events, each with its content's
 * hash, its kills in any order, and, where a transaction starts, its stamp. Nothing depends on how events were encoded.
 */

const TYPE_CODES = { counter: 1, set: 2, register: 3, map: 4 } as const

/** Hash of an object's type and name. */
export function objectLanes(type: ObjectType, name: string): Lanes {
  const { high, low } = textLanes(name)
  const code = TYPE_CODES[type]
  return { high: mix32(high, code), low: mix32(low, code) }
}

/** Hash of a replica id. */
export function replicaLanes(id: ReplicaId): Lanes {
  return textLanes(id)
}

/** A live dot's share of the fingerprint in one lane. */
export function dotShare(content: number, writer: number, n: number): number {
  return mixNumber32(mix32(content, writer), n)
}

/**
 * The next chain in one lane.
 * @param kills sum of {@link killShare} @param stamp where a transaction starts, else −1
 */
export function chainStep(chain: number, content: number, kills: number, stamp: number): number {
  const next = mix32(mix32(chain, content), kills)
  return stamp < 0 ? next : mixNumber32(next, stamp)
}

/** One killed dot's share of an event's kills in one lane. */
export function killShare(writer: number, n: number): number {
  return mixNumber32(writer, n)
}

function textLanes(text: string): Lanes {
  const { bytes, view } = byteView(utf8(text))
  const lanes = { high: 0, low: 0 }
  hashLanes(view, 0, bytes.length, lanes)
  return lanes
}
