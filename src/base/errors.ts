/** Every code a caller can catch. Stable: scripts match on them. */
export type ErrorCode =
  | 'ERR_QUORUM'
  | 'ERR_TYPE_CONFLICT'
  | 'ERR_LIMIT'
  | 'ERR_INVALID'
  | 'ERR_STOPPED'
  | 'ERR_OVERLOADED'
  | 'ERR_STORE'
  | 'ERR_STORE_FULL'
  | 'ERR_STORE_LOCKED'
  | 'ERR_STORE_FOREIGN'
  | 'ERR_STORE_VERSION'
  | 'ERR_STORE_NOT_EMPTY'
  | 'ERR_BACKUP'
  | 'ERR_IDENTITY'
  | 'ERR_INVITE'
  | 'ERR_LISTEN'
  | 'ERR_ADDRESS'
  | 'ERR_NOT_FOUND'
  | 'ERR_VERSION_CONFLICT'
  | 'ERR_TIMEOUT'
  | 'ERR_NOT_CONVERGED'
  | 'ERR_UNSUPPORTED'
  | 'ERR_OBSERVER'
  | 'ERR_CONFIG'
  | 'ERR_INTERNAL'

/** What callers may catch: a stable code, and for people a next step. */
export class HearsayError extends Error {
  override readonly name: string = 'HearsayError'
  readonly code: ErrorCode
  /** What to do next, one sentence without a period; empty when there is nothing to say. */
  readonly hint: string

  constructor(code: ErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause })
    this.code = code
    this.hint = options.hint ?? ''
  }
}

/** Too few replicas acknowledged a write. The replicas that did keep it: it may become visible. */
export class QuorumError extends HearsayError {
  override readonly name = 'QuorumError'
  readonly acks: number
  readonly required: number

  constructor(message: string, options: { acks: number; required: number }) {
    super('ERR_QUORUM', message, {
      hint: 'Check "hearsay members"; write again when more members are alive, or use --level one',
    })
    this.acks = options.acks
    this.required = options.required
  }
}
