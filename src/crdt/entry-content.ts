import { readUtf8 } from '../base/utf8.ts'
import { readAmount } from './amount.ts'
import type { EventDraft } from './event-draft.ts'
import {
  KIND_COUNTER,
  KIND_MAP_COUNTER,
  KIND_MAP_SET,
  KIND_MAP_VALUE,
  KIND_REGISTER,
  KIND_SET,
} from './kinds.ts'
import { readPath } from './map-path.ts'

/** What an entry says beside its object's name: values of its own, which outlive the entry. */
export interface EntryContent {
  /** A value of a register or map, an amount of a counter, an element of a set. */
  readonly kind: 'value' | 'amount' | 'element'
  /** Where in a map; empty elsewhere. */
  readonly path: readonly string[]
  /** JSON of a value, an element; empty for an amount. */
  readonly text: string
  readonly amount: bigint
  /** Of a value: the highest of siblings wins. */
  readonly stamp: number
}

const NO_PATH: readonly string[] = []

/** Reads a draft; undefined for kinds of newer versions. */
export function entryContent(draft: EventDraft): EntryContent | undefined {
  const { keyBytes, keyStart, keyEnd, payloadBytes, payloadStart, payloadEnd, stamp } = draft
  const isInMap = draft.kind >= KIND_MAP_VALUE
  const path = isInMap ? readPath(keyBytes, keyStart, keyEnd) : NO_PATH
  const payload = (): string => readUtf8(payloadBytes, payloadStart, payloadEnd)
  switch (draft.kind) {
    case KIND_SET: {
      const text = readUtf8(keyBytes, keyStart, keyEnd)
      return { kind: 'element', path, text, amount: 0n, stamp: 0 }
    }
    case KIND_MAP_SET:
      return { kind: 'element', path, text: payload(), amount: 0n, stamp: 0 }
    case KIND_REGISTER:
    case KIND_MAP_VALUE:
      return { kind: 'value', path, text: payload(), amount: 0n, stamp }
    case KIND_COUNTER:
    case KIND_MAP_COUNTER: {
      const amount = BigInt(readAmount(payloadBytes, payloadStart, { at: 0 }))
      return { kind: 'amount', path, text: '', amount, stamp: 0 }
    }
    default:
      return undefined
  }
}
