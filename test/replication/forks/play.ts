import { type Random, randomInteger, seededRandom } from '../../../src/base/random.ts'
import type { Operation } from '../../../src/crdt/operation.ts'
import { digests, type Node, World } from '../world.ts'

/*
 * Random schedules in which two stores write under one id, by a backup that was put back or a clone, while
 * the network is cut, so that members believe one or the other; those who wrote may be gone when it heals.
 * In the end all members are to be equal and to hold every write that any of them had.
 */

export interface Outcome {
  /** What is wrong; undefined when nothing is. */
  readonly fault: string | undefined
  readonly alarms: readonly string[]
  readonly log: readonly string[]
}

export interface ForkOptions {
  /** Logs so short that they do not reach back to where histories part: members are to be equal, no more. */
  readonly isShort: boolean
  /** Whether members remove and replace what others wrote, which reaches counters of the other history too. */
  readonly kills: boolean
}

/** Repairs of states that differ come every ten seconds, one peer after the other. */
const CONVERGE_MS = 600_000
const SHORT = { snapshotTailBytes: 200, logBytesMax: 1 }
/** One bit each. */
const AMOUNTS_MAX = 52

/** Plays the schedules of seeds from … from + count − 1, up to the first that fails. */
export function playForks(
  from: number,
  count: number,
  options: ForkOptions,
): { readonly failure: string | undefined; readonly resolved: number } {
  let resolved = 0
  for (let seed = from; seed < from + count; seed++) {
    const { fault, alarms, log } = playFork(seed, options)
    if (alarms.length > 0) resolved += 1
    if (fault === undefined) continue
    const kind = `${options.isShort ? ' --short' : ''}${options.kills ? ' --kills' : ''}`
    const again = `node scripts/soak-forks.ts --from ${seed} --count 1${kind}`
    return { failure: [`seed ${seed}: ${fault}`, again, ...alarms, ...log].join('\n'), resolved }
  }
  return { failure: undefined, resolved }
}

/** Plays the schedule of a seed. */
export function playFork(seed: number, { isShort, kills }: ForkOptions): Outcome {
  const random = seededRandom([seed, 11])
  const count = 3 + randomInteger(random, 3)
  const faults = {
    loss: [0, 0, 0.1][randomInteger(random, 3)] ?? 0,
    duplication: [0, 0.2][randomInteger(random, 2)] ?? 0,
    delayMs: [1, 20, 100][randomInteger(random, 3)] ?? 1,
    diskMs: [0, 10][randomInteger(random, 2)] ?? 0,
  }
  const world = new World({ seed, nodes: count, faults, tunables: isShort ? SHORT : {} })
  const play = new Play(world, random, kills)
  world.linkAll()
  play.some(randomInteger(random, 12))
  const victim = world.node(0)
  const backup = new Map(victim.rows)
  const isClone = randomInteger(random, 2) === 0
  play.some(randomInteger(random, 12))
  play.cutSome()
  if (isClone) {
    world.addNode(new Map(backup))
    play.say('clone')
  } else {
    play.some(randomInteger(random, 8))
    world.crash(victim)
    world.restore(victim, backup)
    world.start(victim)
    play.say('restore')
  }
  const rounds = 1 + randomInteger(random, 4)
  for (let i = 0; i < rounds; i++) {
    play.some(2 + randomInteger(random, 10))
    play.cutSome()
    play.linkSome()
  }
  play.some(randomInteger(random, 6))
  const gone: Node[] = []
  for (const node of [victim, ...world.nodes.slice(count)]) {
    if (randomInteger(random, 2) === 0) gone.push(node)
  }
  world.run(200)
  for (const node of gone) world.crash(node)
  play.say(`gone ${gone.map(({ id }) => id).join(' ')}`)
  const members = world.nodes.filter((node) => !gone.includes(node))
  const expected = play.union(members)
  for (const node of members) if (!node.isUp) world.start(node)
  for (const a of members) for (const b of members) world.link(a, b)
  const ms = world.converge(CONVERGE_MS)
  const alarms = members.flatMap((node) => world.told(node, 'alarm').map(({ reason }) => reason))
  const found = play.union(members)
  let fault: string | undefined
  if (ms === undefined) fault = `they differ: ${members.map(digests).join(' | ')}`
  else if (isShort) fault = undefined
  else if ((found.sum & expected.sum) !== expected.sum) {
    fault = `tokens ${found.sum} instead of ${expected.sum}`
  } else if (!kills && play.sum(members) !== found.sum) {
    fault = `counter ${play.sum(members)} instead of ${found.sum}`
  } else {
    const lost = [...expected.values].filter((value) => !found.values.has(value))
    if (lost.length > 0) fault = `lost ${lost.join(' ')}`
  }
  return { fault, alarms, log: play.log }
}

class Play {
  readonly #world: World
  readonly #random: Random
  readonly #kills: boolean
  readonly log: string[] = []
  readonly #removed = new Set<string>()
  #writes = 0
  #amounts = 0

  constructor(world: World, random: Random, kills: boolean) {
    this.#world = world
    this.#random = random
    this.#kills = kills
  }

  say(what: string): void {
    this.log.push(`${this.#world.now % 1e6} ${what}`)
  }

  /** Some writes, with time between. */
  some(writes: number): void {
    const random = this.#random
    for (let i = 0; i < writes; i++) {
      const up = this.#world.nodes.filter(({ isUp }) => isUp)
      // Who shares an id writes more than others.
      const shared = up.filter(({ core }) => core.replica === up[0]?.core.replica)
      const from = randomInteger(random, 2) === 0 ? shared : up
      const node = from[randomInteger(random, from.length)]
      if (node === undefined) continue
      const count = 1 + randomInteger(random, 3)
      const operations = Array.from({ length: count }, () => this.#operations(node)).flat()
      this.say(`${node.id} writes ${operations.map(operationText).join(', ')}`)
      this.#world.transact(node, operations)
      if (randomInteger(random, 12) === 0) this.#restart()
      this.#world.run([0, 1, 20, 300][randomInteger(random, 4)] ?? 0)
    }
  }

  cutSome(): void {
    const { nodes } = this.#world
    const sides = nodes.map(() => randomInteger(this.#random, 2))
    for (const [i, a] of nodes.entries()) {
      for (const [j, b] of nodes.entries()) if (sides[i] !== sides[j]) this.#world.cut(a, b)
    }
    this.say(`sides ${sides.join('')}`)
  }

  linkSome(): void {
    const up = this.#world.nodes.filter(({ isUp }) => isUp)
    for (let i = 0; i < 2; i++) {
      const a = up[randomInteger(this.#random, up.length)]
      const b = up[randomInteger(this.#random, up.length)]
      if (a === undefined || b === undefined) continue
      this.say(`link ${a.id} ${b.id}`)
      this.#world.link(a, b)
    }
  }

  /** What members hold together: increments as bits, and values that nobody removed. */
  union(members: readonly Node[]): { readonly sum: bigint; readonly values: Set<string> } {
    let sum = 0n
    const values = new Set<string>()
    for (const { core } of members) {
      const view = core.view('main')
      for (const bit of view.setValues('t')) sum |= 1n << BigInt(bit)
      for (const value of view.setValues('s')) if (!this.#removed.has(value)) values.add(value)
    }
    return { sum, values }
  }

  sum([member]: readonly Node[]): bigint {
    return BigInt(member?.core.view('main').counter('n') ?? 0)
  }

  #restart(): void {
    const up = this.#world.nodes.filter(({ isUp }) => isUp)
    const node = up[randomInteger(this.#random, up.length)]
    if (node === undefined) return
    this.#world.run(50)
    const linked = up.filter((other) => this.#world.isLinked(node, other))
    this.#world.crash(node)
    this.#world.start(node)
    for (const other of linked) this.#world.link(node, other)
    this.say(`restart ${node.id}`)
  }

  /** An increment goes with a token, which tells in the end that it must have been counted, once. */
  #operations(node: Node): readonly Operation[] {
    const random = this.#random
    const kind = randomInteger(random, this.#kills ? 8 : 4)
    if (kind >= 2 || this.#amounts === AMOUNTS_MAX) return [this.#operation(node, kind)]
    const bit = this.#amounts
    this.#amounts += 1
    return [
      { type: 'counter-add', object: 'n', amount: 1n << BigInt(bit) },
      { type: 'set-add', object: 't', values: [String(bit)] },
    ]
  }

  #operation(node: Node, kind: number): Operation {
    this.#writes += 1
    const random = this.#random
    if (kind < 4) return { type: 'set-add', object: 's', values: [`v${this.#writes}`] }
    if (kind === 4) {
      const values = node.core.view('main').setValues('s')
      const value = values[randomInteger(random, Math.max(1, values.length))] ?? 'none'
      this.#removed.add(value)
      return { type: 'set-remove', object: 's', values: [value] }
    }
    if (kind === 5) return { type: 'register-set', object: 'r', value: this.#writes }
    const path = [['p', 'q', 'r'][randomInteger(random, 3)] ?? 'p']
    if (kind === 6) return { type: 'map-set', object: 'm', path, value: this.#writes }
    return { type: 'map-counter-add', object: 'm', path: ['c', ...path], amount: 1n }
  }
}

function operationText(operation: Operation): string {
  const { type, object, ...rest } = operation
  return `${type} ${object} ${Object.values(rest).map(String).join(' ')}`
}
