import { KEY_BYTES_MAX, RUN_BYTES_MAX, VALUE_BYTES_MAX } from './limits.ts'
import type { ObjectType } from './operation.ts'

/*
 * Kinds of events, as three bits on the wire. An event without entry only kills.
 */
export const KIND_NONE = 0
export const KIND_SET = 1
export const KIND_COUNTER = 2
export const KIND_REGISTER = 3
export const KIND_MAP_VALUE = 4
export const KIND_MAP_COUNTER = 5
export const KIND_MAP_SET = 6
/** A kind of a newer version: its number and bytes follow. */
export const KIND_UNKNOWN = 7

/** Whether entries of a kind lie under a key of their own on the wire: element or path. */
export function hasKey(kind: number): boolean {
  return kind === KIND_SET || (kind >= KIND_MAP_VALUE && kind !== KIND_UNKNOWN)
}

export function hasPayload(kind: number): boolean {
  return kind !== KIND_SET && kind !== KIND_NONE
}

/** Whether the stamp decides between siblings and is part of the entry. */
export function hasStamp(kind: number): boolean {
  return kind === KIND_REGISTER || kind === KIND_MAP_VALUE
}

export function objectTypeOf(kind: number): ObjectType {
  switch (kind) {
    case KIND_SET:
      return 'set'
    case KIND_COUNTER:
      return 'counter'
    case KIND_REGISTER:
      return 'register'
    default:
      return 'map'
  }
}

/** Bytes of a payload that tells its length. */
export function payloadBytesMax(kind: number): number {
  if (kind === KIND_MAP_SET) return KEY_BYTES_MAX
  return kind === KIND_UNKNOWN ? RUN_BYTES_MAX : VALUE_BYTES_MAX
}
