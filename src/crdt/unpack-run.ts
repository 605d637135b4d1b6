import type { Decoded } from '../base/codec.ts'
import type { ReplicaId } from '../base/ids.ts'
import { readUtf8 } from '../base/utf8.ts'
import { isGrowOnlyAmount, readAmount } from './amount.ts'
import {
  KIND_COUNTER,
  KIND_MAP_COUNTER,
  KIND_MAP_SET,
  KIND_MAP_VALUE,
  KIND_REGISTER,
  KIND_SET,
  KIND_UNKNOWN,
} from './kinds.ts'
import { readPath } from './map-path.ts'
import { RunReader } from './run-reader.ts'

/** What an event says, beside its dot. JSON values stay text. */
export type Content =
  /** One writer's running total. */
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
  | {
      readonly type: 'map-counter'
      readonly object: string
      readonly path: readonly string[]
      readonly amount: bigint
    }
  | {
      readonly type: 'map-set'
      readonly object: string
      readonly path: readonly string[]
      readonly element: string
    }
  /** A kind that only a newer version can apply. */
  | { readonly type: 'unknown'; readonly bytes: Uint8Array }

/** One event as an object of its own. */
export interface UnpackedEvent {
  readonly replica: ReplicaId
  readonly n: number
  readonly stamp: number
  /** Whether it is the first of its transaction. */
  readonly starts: boolean
  readonly content: Content | undefined
  readonly kills: readonly { readonly replica: ReplicaId; readonly n: number }[]
}

/**
 * Reads a run into objects: for tools and checks, not for speed. Never throws.
 * @param runs scratch, worth keeping where many are read
 */
export function unpackRun(
  bytes: Uint8Array,
  runs: RunReader = new RunReader(),
): Decoded<readonly UnpackedEvent[]> {
  const read = runs.read(bytes)
  if (!read.ok) return read
  const { replica } = read.value
  const events: UnpackedEvent[] = []
  for (let i = 0; i < runs.events; i++) {
    const kills: { replica: ReplicaId; n: number }[] = []
    for (let k = runs.killStarts[i] ?? 0; k < (runs.killStarts[i + 1] ?? 0); k++) {
      const killed = runs.replicas[runs.killReplicas[k] ?? 0] ?? replica
      kills.push({ replica: killed, n: runs.killDots[k] ?? 0 })
    }
    events.push({
      replica,
      n: runs.dots[i] ?? 0,
      stamp: runs.stamps[i] ?? 0,
      starts: runs.starts[i] === 1,
      content: contentOf(runs, i),
      kills,
    })
  }
  return { ok: true, value: events }
}

function contentOf(runs: RunReader, i: number): Content | undefined {
  const { bytes, keys } = runs
  const object = runs.objects[runs.object[i] ?? -1]?.name ?? ''
  const start = runs.payloadStarts[i] ?? 0
  const end = runs.payloadEnds[i] ?? 0
  const keyStart = runs.keyStarts[i] ?? 0
  const keyEnd = runs.keyEnds[i] ?? 0
  const text = (): string => readUtf8(bytes, start, end)
  const amount = (): bigint => BigInt(readAmount(bytes, start, { at: 0 }))
  switch (runs.kinds[i]) {
    case KIND_SET:
      return { type: 'set', object, element: readUtf8(keys, keyStart, keyEnd) }
    case KIND_COUNTER: {
      const growOnly = isGrowOnlyAmount(bytes, start)
      return { type: 'counter', object, total: amount(), growOnly }
    }
    case KIND_REGISTER:
      return { type: 'register', object, json: text() }
    case KIND_MAP_VALUE:
      return { type: 'map-value', object, path: readPath(keys, keyStart, keyEnd), json: text() }
    case KIND_MAP_COUNTER: {
      const path = readPath(keys, keyStart, keyEnd)
      return { type: 'map-counter', object, path, amount: amount() }
    }
    case KIND_MAP_SET:
      return { type: 'map-set', object, path: readPath(keys, keyStart, keyEnd), element: text() }
    case KIND_UNKNOWN:
      return { type: 'unknown', bytes: bytes.slice(start, end) }
    default:
      return undefined
  }
}
