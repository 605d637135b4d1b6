import { unreachable } from '../base/assert.ts'
import type { KvOutput } from '../kv/kv.ts'
import type { EngineOutput } from './engine-types.ts'

/** What a word of the DHT's core means for the driver; its frames are the engine's to route. */
export function fromKv(
  output: Exclude<KvOutput, { readonly type: 'dropped' } | { readonly type: 'send' }>,
): EngineOutput {
  switch (output.type) {
    case 'persist':
      return { type: 'persist', source: 'kv', writes: output.writes }
    case 'put-done': {
      const { type: _, request, ...done } = output
      const result = { type: 'put', ...done } as const
      return { type: 'outcome', gate: undefined, request, outcome: { ok: true, result } }
    }
    case 'get-done': {
      const { request, key, found } = output
      const result = { type: 'get', key, found } as const
      return { type: 'outcome', gate: undefined, request, outcome: { ok: true, result } }
    }
    case 'offer-done': {
      const result = { type: 'offer', outcome: output.outcome } as const
      const outcome = { ok: true, result } as const
      return { type: 'outcome', gate: 'kv', request: output.request, outcome }
    }
    case 'refused': {
      const outcome = { ok: false, error: output.error } as const
      return { type: 'outcome', gate: undefined, request: output.request, outcome }
    }
    case 'search': {
      const { search, want, key, asked, withinMs } = output
      return { type: 'search', search, want, key, asked, withinMs }
    }
    case 'stored':
      return { type: 'event', gate: undefined, event: output }
    default:
      return unreachable(output)
  }
}
