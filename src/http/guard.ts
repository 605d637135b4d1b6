import { createHash, timingSafeEqual } from 'node:crypto'
import { RequestFault } from './problem.ts'

/** Content types that a web page may send to a foreign site without asking first (Fetch §2.2.2). */
const SIMPLE_TYPES: ReadonlySet<string> = new Set([
  'application/x-www-form-urlencoded',
  'multipart/form-data',
  'text/plain',
])

/** Name and port of a Host header; undefined when it is malformed. IPv6 keeps its brackets. */
function parseHost(text: string): { name: string; port: string } | undefined {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:[\]/?#@\s]+)(?::(\d{1,5}))?$/.exec(text)
  if (match === null) return undefined
  return { name: (match[1] ?? '').toLowerCase(), port: match[2] ?? '' }
}

/** False when a request names no host, or one that no URL can hold. */
export function isHostHeader(text: string | undefined): boolean {
  return text !== undefined && parseHost(text) !== undefined
}

/** True for `localhost`, 127.0.0.0/8 in four decimal parts, and ::1 with or without brackets. */
export function isLoopbackName(name: string): boolean {
  if (name === 'localhost' || name === '[::1]' || name === '::1') return true
  const parts = name.split('.')
  if (parts.length !== 4 || parts[0] !== '127') return false
  return parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255)
}

/**
 * Refuses requests that reached us under a name that is not ours (DNS rebinding).
 * @throws {RequestFault} 421
 */
export function checkHost(request: Request, url: URL, hosts: ReadonlySet<string>): void {
  for (const text of [request.headers.get('host') ?? url.host, url.host]) {
    const host = parseHost(text)
    if (host !== undefined && (isLoopbackName(host.name) || hosts.has(host.name))) continue
    throw new RequestFault(421, 'ERR_HOST', `Cannot serve this host: ${text.slice(0, 200)}`, {
      hint: 'Use localhost or a loopback address, or name the host in the configuration',
    })
  }
}

/**
 * Refuses requests that a page of another origin makes.
 * @throws {RequestFault} 403
 */
export function checkOrigin(request: Request, url: URL): void {
  const origin = request.headers.get('origin')
  if (origin === null) return
  const host = (request.headers.get('host') ?? url.host).toLowerCase()
  if (origin === `http://${host}` || origin === `https://${host}`) return
  throw new RequestFault(403, 'ERR_ORIGIN', `Cannot serve this origin: ${origin.slice(0, 200)}`, {
    hint: 'Pages of other sites may not use this API',
  })
}

/** Checks `Authorization: Bearer` against a token in constant time; the scheme's case is free. */
export class TokenGuard {
  readonly #digest: Buffer | undefined

  /** @param token empty: no token is needed (loopback only) */
  constructor(token: string) {
    this.#digest = token === '' ? undefined : sha256(token)
  }

  /** @throws {RequestFault} 401 */
  check(request: Request): void {
    if (this.#digest === undefined) return
    const match = /^Bearer +(\S+) *$/i.exec(request.headers.get('authorization') ?? '')
    // Hashes have one length, so that the comparison tells nothing about the token's.
    if (timingSafeEqual(sha256(match?.[1] ?? ''), this.#digest)) return
    const detail = match === null ? 'no bearer token was sent' : 'the token is not the right one'
    throw new RequestFault(
      401,
      'ERR_UNAUTHORIZED',
      `Cannot serve without authorization: ${detail}`,
      {
        hint: 'Send "Authorization: Bearer TOKEN"; the token stands in the file that "hearsay up" names',
        headers: { 'www-authenticate': 'Bearer realm="hearsay"' },
      },
    )
  }
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

/** The media type without parameters, in lower case; empty when there is none. */
function mediaType(request: Request): string {
  return (request.headers.get('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
}

/** Mutations by JSON. @throws {RequestFault} 415 */
export function requireJson(request: Request): void {
  const type = mediaType(request)
  if (type === 'application/json' || /^application\/[\w.-]+\+json$/.test(type)) return
  throw mediaTypeFault(type, 'Send "Content-Type: application/json"')
}

/** Values take any type, except those a foreign form could send when a page is asking. @throws {RequestFault} 415 */
export function requireValueType(request: Request): void {
  const type = mediaType(request)
  if (!request.headers.has('origin') || !SIMPLE_TYPES.has(type)) return
  throw mediaTypeFault(type, 'Send "Content-Type: application/octet-stream"')
}

function mediaTypeFault(type: string, hint: string): RequestFault {
  const shown = type === '' ? 'none was sent' : type.slice(0, 100)
  return new RequestFault(415, 'ERR_MEDIA_TYPE', `Cannot use this content type: ${shown}`, { hint })
}
