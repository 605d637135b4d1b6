import { expect } from 'vitest'
import type { Client } from '../../src/http/client.ts'

/** What one victim was promised in transactions over a set, a map and two counters. */
export class TransactionLedger {
  readonly #name: string
  readonly #acknowledged = new Set<number>()
  readonly #open = new Set<number>()
  #serial = 0

  constructor(name: string) {
    this.#name = name
  }

  get acknowledged(): number {
    return this.#acknowledged.size
  }

  /** One transaction after the other, until the process is gone. */
  async write(client: Client): Promise<void> {
    for (;;) {
      this.#serial += 1
      const serial = this.#serial
      this.#open.add(serial)
      try {
        await this.#writeOne(client, serial)
      } catch {
        return
      }
      this.#acknowledged.add(serial)
      this.#open.delete(serial)
    }
  }

  /** Compares with what a node shows: each transaction is there whole, or not at all. */
  async check(client: Client): Promise<void> {
    const name = this.#name
    const set = await client.object(`${name}-shown`, { type: 'set' })
    const shown = (set?.values ?? []).map(Number).sort((a, b) => a - b)
    const lost = [...this.#acknowledged].filter((serial) => !shown.includes(serial))
    expect(lost, 'acknowledged transactions are there').toEqual([])
    const known = (serial: number): boolean =>
      this.#acknowledged.has(serial) || this.#open.has(serial)
    expect(shown.filter((serial) => !known(serial))).toEqual([])
    if (shown.length === 0) return
    const sum = shown.reduce((all, serial) => all + serial, 0)
    const map = await client.object(`${name}-map`, { type: 'map' })
    const items = Object.fromEntries(shown.map((serial) => [String(serial), `item ${serial}`]))
    expect(map?.value).toEqual({ items, sum, tags: shown.map(String).sort() })
    const counter = await client.object(`${name}-sum`, { type: 'counter' })
    expect(Number(counter?.value)).toBe(sum)
  }

  /** After a check on a node that nobody writes to: what it showed has happened. */
  async settle(client: Client): Promise<void> {
    const set = await client.object(`${this.#name}-shown`, { type: 'set' })
    for (const value of set?.values ?? []) this.#acknowledged.add(Number(value))
    this.#open.clear()
  }

  async #writeOne(client: Client, serial: number): Promise<void> {
    const name = this.#name
    const map = { name: `${name}-map`, type: 'map' } as const
    const value = String(serial)
    await client.transact([
      { name: `${name}-shown`, type: 'set', op: 'add', value },
      { ...map, op: 'set', path: ['items', value], value: `item ${serial}` },
      { ...map, op: 'increment', path: ['sum'], value: serial },
      { ...map, op: 'add', path: ['tags'], value },
      { name: `${name}-sum`, type: 'counter', op: 'add', value: serial },
    ])
  }
}
