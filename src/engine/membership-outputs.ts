import { unreachable } from '../base/assert.ts'
import type { MembershipOutput } from '../membership/membership.ts'
import type { EngineOutput } from './engine-types.ts'
import { twinFailure } from './failures.ts'

const gate = undefined

/** What a word of membership means for the driver, where the engine itself has nothing to do about it. */
export function fromMembership(
  output: Exclude<
    MembershipOutput,
    { readonly type: 'member' | 'digest-differs' | 'left' | 'dropped' }
  >,
): EngineOutput {
  switch (output.type) {
    case 'send': {
      const { peer, lane, bytes } = output
      return { type: 'send', gate, peer, protocol: 'member', lane, bytes }
    }
    case 'link-wanted':
      return { type: 'dial', peer: output.peer, addresses: output.addresses }
    case 'protect':
    case 'close':
      return output
    case 'join-wanted':
      return { type: 'join', address: output.address }
    case 'persist':
      return { type: 'persist', source: 'membership', writes: output.writes }
    case 'digests':
    case 'alarm':
    case 'partition-suspected':
    case 'broadcast':
    case 'question':
      return { type: 'event', gate, event: output }
    case 'gave-way':
      return { type: 'event', gate, event: { type: 'fatal', error: twinFailure(output.addresses) } }
    case 'broadcast-sent': {
      const { request, id } = output
      const outcome = { ok: true, result: { type: 'broadcast', id } } as const
      return { type: 'outcome', gate, request, outcome }
    }
    case 'query-done': {
      const { request, result } = output
      const outcome = { ok: true, result: { type: 'query', ...result } } as const
      return { type: 'outcome', gate, request, outcome }
    }
    case 'cast-refused': {
      const outcome = { ok: false, error: output.error } as const
      return { type: 'outcome', gate, request: output.request, outcome }
    }
    default:
      return unreachable(output)
  }
}
