import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { type Random, randomInteger, seededRandom } from '../../src/base/random.ts'
import type { Client } from '../../src/http/client.ts'
import { eventually } from './eventually.ts'
import { PeerProcess } from './peer-process.ts'
import { TransactionLedger } from './transaction-ledger.ts'

const VICTIMS = 2
const ROUNDS = 26
/** Of so many rounds one is killed while it starts. */
const EARLY_EVERY = 5
/** A victim is killed so long after it has acknowledged so many writes, however slow the machine is. */
const LOAD_MS_MAX = 250
const WRITES_MIN = 5
const WRITES_MAX = 20
const START_MS_MAX = 400
const WRITERS = 4
const CONVERGE_MS_MAX = 60_000

const seed = Number(process.env.HEARSAY_TEST_SEED ?? Date.now() % 1_000_000)
const running = new Set<PeerProcess>()
const directory = await mkdtemp(join(tmpdir(), 'hearsay-kill-'))

afterAll(async () => {
  await Promise.all([...running].map((peer) => peer.end('SIGKILL')))
  await rm(directory, { recursive: true, force: true })
})

function start(args: readonly string[]): PeerProcess {
  const peer = new PeerProcess({ runtimeDir: join(directory, 'run'), args })
  running.add(peer)
  return peer
}

/** What one victim was promised; `open` is what was asked for and never answered. */
class Ledger {
  readonly #name: string
  readonly transactions: TransactionLedger
  acknowledged = 0
  #openAdds = 0
  readonly #values = new Set<string>()
  readonly #openValues = new Set<string>()
  readonly #put = { acknowledged: -1, asked: -1 }
  #serial = 0
  #adds = 0

  constructor(name: string) {
    this.#name = name
    this.transactions = new TransactionLedger(name)
  }

  /** Waits for so many more acknowledged writes, a transaction among them. */
  async grown(writes: number): Promise<void> {
    const { acknowledged, transactions } = this
    const transacted = transactions.acknowledged
    await eventually(
      () => [this.acknowledged - acknowledged, transactions.acknowledged - transacted],
      ([all = 0, whole = 0]) => all >= writes && whole > 0,
    )
  }

  /** One write of each kind in turn, until the process is gone. */
  async write(client: Client): Promise<void> {
    for (;;) {
      try {
        await this.#addOne(client)
        await this.#addValue(client)
      } catch {
        return
      }
    }
  }

  /** Puts have one writer: of two concurrent ones the later version wins, which no ledger can know. */
  async put(client: Client): Promise<void> {
    for (;;) {
      this.#put.asked += 1
      const number = this.#put.asked
      try {
        await client.put(`${this.#name}-key`, String(number))
        this.#put.acknowledged = number
        this.acknowledged += 1
      } catch {
        return
      }
    }
  }

  /** Compares with what a restarted process shows, and takes over what turned out to have happened. */
  async check(client: Client): Promise<void> {
    const counter = await client.object(`${this.#name}-counter`, { type: 'counter' })
    const total = Number(counter?.value)
    expect(total, 'acknowledged increments are there').toBeGreaterThanOrEqual(this.#adds)
    expect(total, 'nothing is counted twice').toBeLessThanOrEqual(this.#adds + this.#openAdds)
    this.#adds = total
    this.#openAdds = 0
    const set = await client.object(`${this.#name}-set`, { type: 'set' })
    const shown = new Set(set?.values ?? [])
    const lost = [...this.#values].filter((value) => !shown.has(value))
    expect(lost, 'acknowledged elements are there').toEqual([])
    const known = (value: string): boolean => this.#values.has(value) || this.#openValues.has(value)
    expect([...shown].filter((value) => !known(value))).toEqual([])
    for (const value of shown) this.#values.add(value)
    this.#openValues.clear()
    await this.transactions.check(client)
    await this.transactions.settle(client)
    if (this.#put.acknowledged < 0) return
    const found = await client.get(`${this.#name}-key`)
    expect(Number(found?.value), 'acknowledged puts are there').toBeGreaterThanOrEqual(
      this.#put.acknowledged,
    )
  }

  get adds(): number {
    return this.#adds
  }

  async #addOne(client: Client): Promise<void> {
    this.#openAdds += 1
    await client.change(`${this.#name}-counter`, { type: 'counter', op: 'add', value: 1 })
    this.#openAdds -= 1
    this.#adds += 1
    this.acknowledged += 1
  }

  async #addValue(client: Client): Promise<void> {
    this.#serial += 1
    const value = `${this.#name}-${this.#serial}`
    this.#openValues.add(value)
    await client.change(`${this.#name}-set`, { type: 'set', op: 'add', value })
    this.#values.add(value)
    this.#openValues.delete(value)
    this.acknowledged += 1
  }
}

async function torment(name: string, random: Random): Promise<{ kills: number; ledger: Ledger }> {
  const ledger = new Ledger(name)
  const args = ['--name', name, '--data-dir', join(directory, name)]
  let kills = 0
  for (let round = 0; round < ROUNDS; round++) {
    const peer = start(args)
    if (round % EARLY_EVERY === EARLY_EVERY - 1) {
      await elapsed(randomInteger(random, START_MS_MAX))
    } else {
      const client = await peer.client()
      await ledger.check(client)
      const writers = Array.from({ length: WRITERS }, () => ledger.write(client))
      writers.push(ledger.put(client), ledger.transactions.write(client))
      await ledger.grown(WRITES_MIN + randomInteger(random, WRITES_MAX - WRITES_MIN))
      await elapsed(randomInteger(random, LOAD_MS_MAX))
      await peer.end('SIGKILL')
      await Promise.all(writers)
    }
    await peer.end('SIGKILL')
    running.delete(peer)
    kills += 1
  }
  return { kills, ledger }
}

/** Chooses the moment of a kill; nothing is expected to have happened by then. */
function elapsed(ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  setTimeout(resolve, ms)
  return promise
}

test(`kill -9 under load loses no acknowledged write and reuses no dot (HEARSAY_TEST_SEED=${seed})`, {
  timeout: 240_000,
}, async () => {
  const witness = start(['--name', 'witness'])
  const watching = await witness.client()
  const names = Array.from({ length: VICTIMS }, (_, i) => `victim${i}`)
  const results = await Promise.all(names.map((name, i) => torment(name, seededRandom([seed, i]))))
  expect(results.reduce((sum, { kills }) => sum + kills, 0)).toBeGreaterThanOrEqual(50)
  for (const { ledger } of results) {
    expect(ledger.acknowledged).toBeGreaterThan(100)
    expect(ledger.transactions.acknowledged).toBeGreaterThan(10)
  }

  // The survivors agree on everything, and on no more than was asked for.
  const clients = await Promise.all(
    names.map((name) => start(['--name', name, '--data-dir', join(directory, name)]).client()),
  )
  for (const [i, { ledger }] of results.entries()) {
    const client = clients[i]
    if (client === undefined) throw new Error('A victim did not come back')
    await ledger.check(client)
  }
  const all = [watching, ...clients]
  const digests = await agreement(all)
  expect(digests.size, `digests ${[...digests].join(' ')}`).toBe(1)
  for (const [i, { ledger }] of results.entries()) {
    for (const client of all) {
      const counter = await client.object(`${names[i]}-counter`, { type: 'counter' })
      expect(Number(counter?.value)).toBe(ledger.adds)
      await ledger.transactions.check(client)
    }
  }
  // A dot written twice with different content, or a forked history, raises an alarm at whoever sees it.
  const alarms = [...running].flatMap(({ lines }) =>
    lines.filter((line) => line.includes('"alarm"')),
  )
  expect(alarms).toEqual([])
})

/** The digests of all, once they are one or time is up. */
async function agreement(clients: readonly Client[]): Promise<Set<string>> {
  const until = performance.now() + CONVERGE_MS_MAX
  for (;;) {
    const statuses = await Promise.all(clients.map((client) => client.status()))
    const digests = new Set(statuses.map(({ groups }) => groups[0]?.digest ?? ''))
    if (digests.size === 1 || performance.now() > until) return digests
    await elapsed(50)
  }
}
