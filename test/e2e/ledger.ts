import { expect } from 'vitest'
import type { Client } from '../../src/http/client.ts'
import type { Member } from './cluster.ts'

/** What a cluster was told and answered to. */
export class Ledger {
  readonly #values = new Set<string>()
  readonly #removed = new Set<string>()
  #sum = 0

  get values(): ReadonlySet<string> {
    return this.#values
  }

  get sum(): number {
    return this.#sum
  }

  /** Two writes: an element, and an amount that no other write has. */
  async write({ client }: Pick<Member, 'client'>, value: string): Promise<void> {
    const amount = 2 ** Math.floor(this.#values.size / 40) + this.#values.size
    this.#values.add(value)
    this.#sum += amount
    await client.change('names', { type: 'set', op: 'add', value })
    await client.change('votes', { type: 'counter', op: 'add', value: amount })
  }

  async writeMany(member: Pick<Member, 'client'>, prefix: string, count: number): Promise<void> {
    for (let i = 0; i < count; i++) await this.write(member, `${prefix} ${i}`)
  }

  async remove({ client }: Pick<Member, 'client'>, value: string): Promise<void> {
    this.#values.delete(value)
    this.#removed.add(value)
    await client.change('names', { type: 'set', op: 'remove', value })
  }

  /** Everything is there, once, on each. */
  async expectOn(members: readonly Pick<Member, 'client' | 'name'>[]): Promise<void> {
    for (const { client, name } of members) {
      const { values, sum } = await shown(client)
      expect([name, values]).toEqual([name, [...this.#values].sort()])
      expect([name, sum]).toEqual([name, this.#sum])
    }
  }

  /** Nothing is there that nobody wrote: some of it may be missing. @returns elements that are there */
  async expectNothingElseOn(client: Client): Promise<number> {
    const { values, sum } = await shown(client)
    const known = (value: string): boolean => this.#values.has(value) || this.#removed.has(value)
    expect(values.filter((value) => !known(value))).toEqual([])
    expect(new Set(values).size).toBe(values.length)
    expect(sum).toBeLessThanOrEqual(this.#sum)
    expect(sum).toBeGreaterThanOrEqual(0)
    return values.length
  }
}

async function shown(client: Client): Promise<{ values: readonly string[]; sum: number }> {
  const set = await client.object('names', { type: 'set' })
  const counter = await client.object('votes', { type: 'counter' })
  return { values: [...(set?.values ?? [])].sort(), sum: Number(counter?.value ?? 0) }
}
