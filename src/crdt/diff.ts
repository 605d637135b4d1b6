import type { Json } from './json.ts'

/** What one transaction changed of one object as readers see it; an event without one says: read it again. */
export type ObjectDiff =
  | { readonly type: 'counter'; readonly value: bigint; readonly delta: bigint }
  | { readonly type: 'set'; readonly added: readonly string[]; readonly removed: readonly string[] }
  | {
      readonly type: 'register'
      readonly value: Json | undefined
      readonly siblings: readonly Json[]
    }
  | {
      readonly type: 'map'
      readonly set: readonly { readonly path: readonly string[]; readonly value: Json }[]
      readonly removed: readonly (readonly string[])[]
    }
