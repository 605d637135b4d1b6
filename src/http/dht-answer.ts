import type { DhtValue } from '../index.ts'
import type { DhtAnswer } from './shapes.ts'

/** A value as JSON carries it. */
export function answerOf(found: DhtValue): DhtAnswer {
  const { key, version, author, from, elapsedMs, bytes } = found
  return { key, ...encode(bytes), version, author, from, elapsedMs }
}

function encode(bytes: Uint8Array): { value: string; encoding: 'utf8' | 'base64' } {
  try {
    const value = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    return { value, encoding: 'utf8' }
  } catch {
    return { value: Buffer.from(bytes).toString('base64'), encoding: 'base64' }
  }
}
