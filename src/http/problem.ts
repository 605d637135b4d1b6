import { HearsayError, QuorumError } from '../index.ts'
import { errorEntry } from './errors/catalogue.ts'
import type { ApiErrorCode, Problem } from './shapes.ts'

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  409: 'Conflict',
  413: 'Content Too Large',
  414: 'URI Too Long',
  415: 'Unsupported Media Type',
  421: 'Misdirected Request',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  507: 'Insufficient Storage',
}

/** Seconds a refused client should wait before it tries again. */
const RETRY_AFTER_S = 1

/** A request that the border refuses; becomes the problem answer of its status. */
export class RequestFault extends Error {
  override readonly name = 'RequestFault'
  readonly status: number
  readonly code: ApiErrorCode
  readonly hint: string
  readonly headers: Readonly<Record<string, string>>

  constructor(
    status: number,
    code: ApiErrorCode,
    message: string,
    options: { readonly hint?: string; readonly headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(message)
    this.status = status
    this.code = code
    this.hint = options.hint ?? ''
    this.headers = options.headers ?? {}
  }
}

/** 400 ERR_INVALID. */
export function invalid(message: string, hint = ''): RequestFault {
  return new RequestFault(400, 'ERR_INVALID', message, { hint })
}

/** 404 ERR_NOT_FOUND. */
export function notFound(message: string, hint = ''): RequestFault {
  return new RequestFault(404, 'ERR_NOT_FOUND', message, { hint })
}

/** 413 ERR_LIMIT. */
export function tooLarge(message: string): RequestFault {
  return new RequestFault(413, 'ERR_LIMIT', message)
}

/**
 * The problem of anything thrown while a request was served.
 * @param options `carriesValue`: the request brought a value, so a limit it broke is 413, not 400
 */
export function problemOf(error: unknown, options: { readonly carriesValue: boolean }): Problem {
  if (error instanceof RequestFault) return describe(error.status, error)
  if (error instanceof QuorumError) {
    return { ...describe(503, error), acks: error.acks, required: error.required }
  }
  if (error instanceof HearsayError) {
    if (error.code === 'ERR_LIMIT' && options.carriesValue) return describe(413, error)
    return describe(errorEntry(error.code)?.status ?? 500, error)
  }
  if (error instanceof Error && (error.name === 'TimeoutError' || error.name === 'AbortError')) {
    return describe(504, {
      code: 'ERR_TIMEOUT',
      message: 'Cannot answer in time: the deadline of this request passed',
      hint: 'Give more time with timeoutMs, or look at /v1/status for members that do not answer',
    })
  }
  if (error instanceof TypeError || error instanceof RangeError) {
    return describe(400, { code: 'ERR_INVALID', message: error.message, hint: '' })
  }
  return describe(500, {
    code: 'ERR_INTERNAL',
    message: 'Cannot answer: the node failed unexpectedly',
    hint: 'The log of the node says more',
  })
}

function describe(
  status: number,
  error: { readonly code: ApiErrorCode; readonly message: string; readonly hint: string },
): Problem {
  const { code, hint, message: detail } = error
  return { type: 'about:blank', title: TITLES[status] ?? 'Error', status, detail, code, hint }
}

/** A problem+json answer. */
export function problemResponse(
  problem: Problem,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const retry = problem.status === 429 ? { 'retry-after': String(RETRY_AFTER_S) } : {}
  return new Response(JSON.stringify(problem), {
    status: problem.status,
    headers: { 'content-type': 'application/problem+json', ...retry, ...headers },
  })
}
