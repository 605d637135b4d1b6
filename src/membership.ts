import { Membership } from './membership/membership.ts'
import type { MembershipOptions } from './membership/options.ts'

export { createSigner } from './adapters/platform/browser-signer.ts'
export type { Core, Lane, Millis, StoreRow, StoreWrite } from './base/core.ts'
export type { PeerId } from './base/ids.ts'
export { type Random, seededRandom } from './base/random.ts'
export type { Signer } from './base/signer.ts'
export type {
  LinkEnd,
  Member,
  MemberChange,
  MembershipInput,
  MembershipOutput,
} from './membership/member.ts'
export type { Membership } from './membership/membership.ts'
export type { MembershipOptions, Tunables } from './membership/options.ts'

/**
 * Membership without a network: a state machine that takes what happened and the time, and says what is to be
 * done. It knows no clock, socket, disk or timer: call `start` once, `handle` for each input, drain `poll` after
 * each, and `handle({ type: 'tick' })` at `nextDeadline`. Same inputs and random numbers, same outputs.
 *
 * @example
 * const signer = createSigner(crypto.getRandomValues(new Uint8Array(32)))
 * const random = seededRandom([...crypto.getRandomValues(new Uint32Array(4))])
 * const protocol = { min: 1, max: 1 }
 * const core = createMembership({ signer, random, network: 'n', name: 'ada', protocol, dialLoopback: true })
 * core.start(Date.now())
 *
 * @throws {TypeError | RangeError} an option that cannot work
 */
export function createMembership(options: MembershipOptions): Membership {
  return new Membership(options)
}
