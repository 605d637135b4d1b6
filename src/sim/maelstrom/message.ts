/** What Maelstrom's processes tell each other, one JSON object a line. */
export interface Message {
  readonly src: string
  readonly dest: string
  readonly body: Body
}

export interface Body {
  readonly type: string
  readonly msg_id?: number
  readonly in_reply_to?: number
  readonly [field: string]: unknown
}

/** Undefined for a line that is none. */
export function parseMessage(line: string): Message | undefined {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return undefined
  }
  if (!isObject(value)) return undefined
  const { src, dest, body } = value
  if (typeof src !== 'string' || typeof dest !== 'string' || !isObject(body)) return undefined
  const { type, msg_id: id } = body
  if (typeof type !== 'string' || (id !== undefined && typeof id !== 'number')) return undefined
  return { src, dest, body: { ...body, type } }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
