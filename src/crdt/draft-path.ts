import { readUtf8 } from '../base/utf8.ts'
import type { EventDraft } from './event-draft.ts'
import { KIND_MAP_SET } from './kinds.ts'
import { readPath } from './map-path.ts'

/** The path of a map's entry. */
export function pathOf(event: EventDraft): readonly string[] {
  return readPath(event.keyBytes, event.keyStart, event.keyEnd)
}

/** The element of a set leaf's entry; undefined for other leaves. */
export function elementOf(event: EventDraft): string | undefined {
  if (event.kind !== KIND_MAP_SET) return undefined
  return readUtf8(event.payloadBytes, event.payloadStart, event.payloadEnd)
}
