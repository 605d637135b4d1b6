import { unreachable } from '../base/assert.ts'
import type { ReplicationOutput } from '../replication/replication.ts'
import type { EngineOutput } from './engine-types.ts'

const gate = 'replication'

/** What a word of replication means for the driver. Whatever tells others of state waits at the gate. */
export function fromReplication(
  output: Exclude<ReplicationOutput, { readonly type: 'dropped' }>,
): readonly EngineOutput[] {
  switch (output.type) {
    case 'persist':
      return [{ type: 'persist', source: gate, writes: output.writes }]
    case 'send': {
      const { peer, lane, bytes } = output
      return [{ type: 'send', gate, peer, protocol: 'sync', lane, bytes }]
    }
    case 'transacted': {
      const { request, results, undo } = output
      const result =
        undo === undefined
          ? ({ type: 'transact', results } as const)
          : ({ type: 'undo', undo } as const)
      const outcome = { ok: true, result } as const
      return [{ type: 'outcome', gate, request, outcome }]
    }
    case 'refused': {
      const outcome = { ok: false, error: output.error } as const
      return [{ type: 'outcome', gate: undefined, request: output.request, outcome }]
    }
    case 'changed':
      return [{ type: 'event', gate: undefined, event: output }]
    case 'digest': {
      const { group, digest } = output
      return [
        { type: 'feedback', gate, input: { type: 'durable-digest', group, digest } },
        { type: 'event', gate, event: { type: 'digest', group, digest } },
      ]
    }
    case 'synced':
      return [{ type: 'event', gate, event: output }]
    case 'acked':
      return [{ type: 'event', gate: undefined, event: output }]
    case 'alarm':
      return [{ type: 'event', gate: undefined, event: output }]
    default:
      return unreachable(output)
  }
}
