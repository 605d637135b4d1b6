import { fromHex, fromUtf8, hex, utf8 } from '../base/bytes.ts'
import { checkNumber } from '../base/options.ts'
import type { Driver } from '../engine/driver.ts'
import type { DhtKey, DhtKeyPage, DhtPageOptions } from './dht-types.ts'
import type { Waiting } from './state-types.ts'
import { Turns } from './turns.ts'

const PAGE_KEYS = 1_000
const PAGE_KEYS_MAX = 10_000

/** The keys that this node has written, see {@link Dht.page}. */
export function keyPage(driver: Driver, options: DhtPageOptions = {}): DhtKeyPage {
  const { from = '', limit = PAGE_KEYS } = options
  checkNumber('limit', limit, { min: 1, max: PAGE_KEYS_MAX, isInteger: true })
  const now = driver.now()
  const { keys, isComplete, next } = driver.engine.kv.ownKeys(placeAt(from), limit, now)
  const told = keys.map(({ key, kind, version, bytes, expiresAt }): DhtKey => {
    const at = new Date(expiresAt).toISOString()
    return { key, kind: kind === 'owned' ? 'own' : kind, version, bytes, expiresAt: at }
  })
  const more = next === undefined ? {} : { next: hex(utf8(next)) }
  return { keys: told, complete: isComplete, ...more }
}

/** All of them, page by page in turns of the event loop. */
export async function* listKeys(
  driver: Driver,
  { signal }: Waiting = {},
): AsyncGenerator<DhtKey, void, void> {
  const turns = new Turns()
  for (let from: string | undefined = ''; from !== undefined; ) {
    signal?.throwIfAborted()
    const page: DhtKeyPage = keyPage(driver, { from })
    yield* page.keys
    from = page.next
    if (turns.isOver) await turns.next()
  }
}

/** @throws {TypeError} */
function placeAt(cursor: string): string {
  const bytes = fromHex(cursor)
  if (bytes !== undefined) return fromUtf8(bytes)
  throw new TypeError(`Cannot use a cursor: expected the next of a page: ${cursor.slice(0, 80)}`)
}
