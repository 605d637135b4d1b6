import { utf8 } from '../../base/bytes.ts'
import type { Millis } from '../../base/core.ts'
import { seededRandom } from '../../base/random.ts'
import type { Signer } from '../../base/signer.ts'
import { Driver } from '../../engine/driver.ts'
import type { ClockPort, DiskPort } from '../../engine/ports.ts'
import { simulatedAddress } from '../address-book.ts'
import { SignerBook } from '../fake-signer.ts'
import { MaelstromLinks, type Remote } from './links.ts'
import { type Body, type Message, parseMessage } from './message.ts'
import { MALFORMED, type MaelstromWorkload, UNAVAILABLE, Workload } from './workload.ts'

const GROUP = 'main'
const NETWORK = 'maelstrom'
const PROTOCOL_VERSION = 1
const REPLICATION = 5
/** Nodes that one asks to be let in: who is let in by one hears of all. */
const SEEDS = 3

export interface MaelstromOptions {
  /** Differs in every run of every node. */
  readonly seed: readonly number[]
  /** @default told by the first request that only one workload has */
  readonly workload?: MaelstromWorkload | undefined
  /** Writes one line, without its end. */
  send(line: string): void
  /** Unix ms. */
  now(): Millis
  /** Calls back once, later, never inside the call. */
  schedule(delayMs: Millis, run: () => void): void
}

/**
 * A node of Maelstrom (https://github.com/jepsen-io/maelstrom): the production driver over the production engine, in a
 * world whose links are Maelstrom's messages and whose disk is memory. Its peers are the other nodes of the test, who
 * are what they say they are: so signatures are those of the simulator.
 */
export class MaelstromNode {
  readonly #options: MaelstromOptions
  #running: Running | undefined

  constructor(options: MaelstromOptions) {
    this.#options = options
  }

  /** One line of the input. @returns false when it is no message */
  receive(line: string): boolean {
    const message = parseMessage(line)
    if (message === undefined) return false
    const { src, dest, body } = message
    if (body.type === 'init') this.#init(message)
    else if (this.#running === undefined) this.#fail(message, UNAVAILABLE, 'not initialized yet')
    else if (!this.#running.links.receive(src, body)) this.#serve(message, this.#running, dest)
    return true
  }

  /** Nothing enters or leaves from here on. */
  stop(): void {
    this.#running?.driver.halt()
  }

  #init(message: Message): void {
    const { node_id: name, node_ids: names } = message.body
    if (typeof name !== 'string' || !isNames(names) || !names.includes(name)) {
      this.#fail(message, MALFORMED, 'expected node_id, and node_ids with it')
      return
    }
    this.#running ??= start(name, names, this.#options)
    this.#reply(message, name, { type: 'init_ok' })
  }

  #serve(message: Message, { driver, workload }: Running, self: string): void {
    const wish = workload.wish(message.body)
    switch (wish.type) {
      case 'answer':
        this.#reply(message, self, wish.body)
        return
      case 'refusal':
        this.#fail(message, wish.code, wish.text)
        return
      case 'write': {
        const operations = [wish.operation]
        driver.request({ type: 'transact', group: GROUP, operations }, (outcome) => {
          if (outcome.ok) this.#reply(message, self, { type: wish.done })
          else this.#fail(message, UNAVAILABLE, outcome.error.message)
        })
      }
    }
  }

  #fail(message: Message, code: number, text: string): void {
    this.#reply(message, message.dest, { type: 'error', code, text })
  }

  #reply(to: Message, from: string, body: Body): void {
    const { msg_id: id } = to.body
    const replied = id === undefined ? body : { ...body, in_reply_to: id }
    this.#options.send(JSON.stringify({ src: from, dest: to.src, body: replied }))
  }
}

interface Running {
  readonly driver: Driver
  readonly links: MaelstromLinks
  readonly workload: Workload
}

function start(name: string, names: readonly string[], options: MaelstromOptions): Running {
  const { seed, schedule, send } = options
  const random = seededRandom(seed)
  const { self, others, signer } = everybody(name, names)
  const links = new MaelstromLinks({
    ...{ self, others, schedule },
    run: random.uint32().toString(36),
    send: (dest, body) => send(JSON.stringify({ src: name, dest, body })),
  })
  const clock = clockPort(options)
  const driver = new Driver({
    ports: { clock, links, disk: memoryDisk(schedule), random, signer },
    ...{ network: NETWORK, name, replication: REPLICATION, dialLoopback: true },
    protocol: { min: PROTOCOL_VERSION, max: PROTOCOL_VERSION },
    observe: () => {},
  })
  driver.start()
  driver.join(seedsOf(self, others).map(({ address }) => address))
  const workload = new Workload(driver.engine.replication, options.workload)
  return { driver, links, workload }
}

/** Every process makes the same book of keys: its pages are the names. */
function everybody(
  name: string,
  names: readonly string[],
): { readonly self: Remote; readonly others: readonly Remote[]; readonly signer: Signer } {
  const book = new SignerBook()
  const made = [...new Set(names)].toSorted().map((each, index) => {
    const signer = book.create(seededRandom([...utf8(each)]))
    const remote = { name: each, peer: signer.peerId, address: simulatedAddress(index + 1) }
    return { signer, remote }
  })
  const own = made.find(({ remote }) => remote.name === name)
  if (own === undefined) throw new Error('Broken invariant: a node is one of the nodes')
  const others = made.filter((one) => one !== own).map(({ remote }) => remote)
  return { self: own.remote, others, signer: own.signer }
}

/** The next ones in a ring of all names: their seeds lead from each to all. */
function seedsOf(self: Remote, others: readonly Remote[]): readonly Remote[] {
  const after = others.filter(({ name }) => name > self.name)
  const before = others.filter(({ name }) => name < self.name)
  return [...after, ...before].slice(0, SEEDS)
}

function clockPort({ now, schedule }: MaelstromOptions): ClockPort {
  let generation = 0
  return {
    now,
    arm: (at, wake) => {
      generation += 1
      if (at === undefined) return
      const armed = generation
      schedule(Math.max(1, at - now()), () => {
        if (armed === generation) wake()
      })
    },
  }
}

/** What a process of Maelstrom writes is as durable as the process. */
function memoryDisk(schedule: MaelstromOptions['schedule']): DiskPort {
  const waiting: ((failure: Error | undefined) => void)[] = []
  return {
    commit: (_writes, done) => {
      waiting.push(done)
      if (waiting.length > 1) return
      schedule(0, () => {
        for (const ready of waiting.splice(0)) ready(undefined)
      })
    },
  }
}

function isNames(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((name) => typeof name === 'string')
}
