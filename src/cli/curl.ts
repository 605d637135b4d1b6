/** Request headers that curl sets itself or that say nothing. */
const HEADERS_SHOWN: ReadonlySet<string> = new Set(['content-type', 'accept', 'last-event-id'])

/**
 * The curl command that sends the same request. The token is the variable HEARSAY_API_TOKEN, never
 * its value. A body that is no text comes through a pipe.
 */
export async function curlCommand(request: Request): Promise<string> {
  const words = ['curl', '-sS']
  if (request.method !== 'GET') words.push('-X', request.method)
  if (request.headers.has('authorization')) {
    words.push('-H', '"Authorization: Bearer $HEARSAY_API_TOKEN"')
  }
  for (const [name, value] of request.headers) {
    if (HEADERS_SHOWN.has(name)) words.push('-H', quote(`${name}: ${value}`))
  }
  const body = new Uint8Array(await request.arrayBuffer())
  const text = textOf(body)
  if (body.length > 0) {
    words.push(...(text === undefined ? ['--data-binary', '@-'] : ['--data-raw', quote(text)]))
  }
  words.push(quote(request.url))
  const command = words.join(' ')
  if (text !== undefined) return command
  return `echo ${Buffer.from(body).toString('base64')} | base64 -d | ${command}`
}

/** The body as text that survives a command line; undefined when it does not. */
function textOf(body: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what a shell cannot carry
    return /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/.test(text) ? undefined : text
  } catch {
    return undefined
  }
}

/** One word for a POSIX shell. */
function quote(text: string): string {
  return /^[A-Za-z0-9_./:=,@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
