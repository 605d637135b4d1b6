import { utf8 } from '../base/bytes.ts'
import type { Millis } from '../base/core.ts'
import { checkNumber } from '../base/options.ts'
import type { Random } from '../base/random.ts'
import type { Signer } from '../base/signer.ts'
import type { RecordCache } from './record-cache.ts'

/** What the membership core of one node needs. */
export interface MembershipOptions {
  readonly signer: Signer
  /** Jitter, relay choice and the boot nonce. */
  readonly random: Random
  /** Scope of the membership; salts the overlay and every signature. 1 … 64 bytes of UTF-8. */
  readonly network: string
  /** Label shown to people, at most 64 bytes of UTF-8. Names need not be unique. */
  readonly name: string
  /** At most 16 pairs, at most 512 bytes of UTF-8 in total. @default none */
  readonly tags?: Readonly<Record<string, string>>
  /** Range of protocol versions spoken, each 0 … 65,535. */
  readonly protocol: { readonly min: number; readonly max: number }
  /** True when this node listens on loopback itself: only then are peers' local addresses dialled. */
  readonly dialLoopback: boolean
  /**
   * Records that nodes of one process share, so that each is held, decoded and verified once; of the
   * same network. @default one of its own
   */
  readonly records?: RecordCache
  /** Timings; every absent one has the default of {@link DEFAULT_TUNABLES}. */
  readonly tunables?: Partial<Tunables>
}

/** Timings of the protocol, in milliseconds unless the name says otherwise. */
export interface Tunables {
  /** Each link carries a ping every 1.25 to 1.35 times this; less costs frames. SWIM §4 uses 1 s. @default 1,000 */
  readonly probePeriodMs: Millis
  /** Bounds and start of the adaptive ping timeout SRTT + 4·RTTVAR (RFC 6298). @default 100, 2,000, 500 */
  readonly pingTimeoutMinMs: Millis
  readonly pingTimeoutMaxMs: Millis
  readonly pingTimeoutStartMs: Millis
  /** Least time relays get to reach a silent peer. More forgives stalls, less is faster; a guess. @default 400 */
  readonly indirectBudgetMs: Millis
  /** A link on which pings go unanswered this long is closed and dialled anew; a guess. @default 6,000 */
  readonly linkSilenceMs: Millis
  /** Relays asked after a miss (SWIM's k). @default 3 */
  readonly relays: number
  /** One member without a link is probed this often: through an observer of it, or by a dial. @default 5,000 */
  readonly unlinkedProbeMs: Millis
  /** Least suspicion: factor · max(1, log10 n) · probe period. memberlist's default. @default 4 */
  readonly suspicionFactor: number
  /** The longest suspicion is this many times the least (Lifeguard §IV-B). @default 6 */
  readonly suspicionMaxFactor: number
  /** Confirmations that bring a suspicion to its least time (Lifeguard's k). @default 2 */
  readonly suspicionConfirmations: number
  /** A foreign failure claim is believed when the suspicion here is this old. @default 1,000 */
  readonly refutationWindowMs: Millis
  /** A suspicion with enough refused dials ends after this. @default 500 */
  readonly refusedAfterMs: Millis
  /** Claims wait this long for company before a flood leaves. @default 10 */
  readonly floodDelayMs: Millis
  /** Period of view comparison with one random linked peer. @default 10,000 */
  readonly antiEntropyMs: Millis
  /** Least time between two own digest changes told to others; grows with n / 16. @default 100 */
  readonly digestIntervalMs: Millis
  /** A deadline met later than this means that we stalled: nobody is accused of it. @default 500 */
  readonly stallMs: Millis
  /** First and longest wait between dials to a living peer, and between tries of a seed. @default 250, 5,000 */
  readonly redialMinMs: Millis
  readonly redialMaxMs: Millis
  /** The survivors together try each failed member this often in its first minute. @default 2,000 */
  readonly failedRetryMs: Millis
  /** No failed member is left untried by one node for longer. @default 30,000 */
  readonly failedRetryMaxMs: Millis
  /** How long a leaving node waits for acknowledgements. @default 400 */
  readonly leaveMs: Millis
}

/** See {@link Tunables}. */
export const DEFAULT_TUNABLES: Tunables = {
  probePeriodMs: 1_000,
  pingTimeoutMinMs: 100,
  pingTimeoutMaxMs: 2_000,
  pingTimeoutStartMs: 500,
  indirectBudgetMs: 400,
  linkSilenceMs: 6_000,
  relays: 3,
  unlinkedProbeMs: 5_000,
  suspicionFactor: 4,
  suspicionMaxFactor: 6,
  suspicionConfirmations: 2,
  refutationWindowMs: 1_000,
  refusedAfterMs: 500,
  floodDelayMs: 10,
  antiEntropyMs: 10_000,
  digestIntervalMs: 100,
  stallMs: 500,
  redialMinMs: 250,
  redialMaxMs: 5_000,
  failedRetryMs: 2_000,
  failedRetryMaxMs: 30_000,
  leaveMs: 400,
}

export const NAME_BYTES_MAX = 64
export const NETWORK_BYTES_MAX = 64
export const TAGS_MAX = 16
/** Of all keys and values together: tags ride inside the record. */
export const TAGS_BYTES_MAX = 512
export const ADDRESSES_MAX = 16
export const ADDRESS_BYTES_MAX = 256
/** Of all addresses together, so that every record fits one frame. */
export const ADDRESSES_BYTES_MAX = 2_048
const PROTOCOL_MAX = 65_535
const DURATION_MS_MAX = 3_600_000

/** Fills the defaults in. @throws {TypeError} @throws {RangeError} on a value outside its range */
export function resolveTunables(given: Partial<Tunables> = {}): Tunables {
  const tunables = { ...DEFAULT_TUNABLES, ...given }
  for (const [name, value] of Object.entries(tunables)) {
    checkNumber(name, value, { min: 0, max: DURATION_MS_MAX })
  }
  if (tunables.pingTimeoutMinMs > tunables.pingTimeoutMaxMs) {
    throw new RangeError(
      `Cannot use option pingTimeoutMinMs: above pingTimeoutMaxMs: ${tunables.pingTimeoutMinMs}`,
    )
  }
  return tunables
}

/** Checks the texts and numbers of the options. @throws {TypeError} @throws {RangeError} */
export function checkOptions(options: MembershipOptions): void {
  checkText('network', options.network, NETWORK_BYTES_MAX)
  checkText('name', options.name, NAME_BYTES_MAX)
  const { min, max } = options.protocol
  checkNumber('protocol.min', min, { min: 0, max: PROTOCOL_MAX, isInteger: true })
  checkNumber('protocol.max', max, { min, max: PROTOCOL_MAX, isInteger: true })
  const { records, network } = options
  if (records !== undefined && records.network !== network) {
    throw new RangeError(`Cannot use option records: of network ${records.network}, not ${network}`)
  }
  checkTags(options.tags ?? {})
}

/** Checks tags of our own. @throws {TypeError} @throws {RangeError} */
export function checkTags(tags: Readonly<Record<string, string>>): void {
  const pairs = Object.entries(tags)
  if (pairs.length > TAGS_MAX) {
    throw new RangeError(`Cannot use tags: more than ${TAGS_MAX} pairs: ${pairs.length}`)
  }
  let bytes = 0
  for (const [key, value] of pairs) {
    if (typeof value !== 'string') throw new TypeError(`Cannot use tag ${key}: expected text`)
    bytes += utf8(key).length + utf8(value).length
  }
  if (bytes > TAGS_BYTES_MAX) {
    throw new RangeError(`Cannot use tags: more than ${TAGS_BYTES_MAX} bytes: ${bytes}`)
  }
}

function checkText(name: string, text: string, bytesMax: number): void {
  if (typeof text !== 'string') throw new TypeError(`Cannot use option ${name}: expected text`)
  const length = utf8(text).length
  if (length > bytesMax || length === 0) {
    throw new RangeError(`Cannot use option ${name}: expected 1 … ${bytesMax} bytes: ${length}`)
  }
}
