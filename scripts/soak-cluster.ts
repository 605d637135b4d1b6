import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Random, randomInteger, seededRandom, shuffle } from '../src/base/random.ts'
import { Namespaces } from '../test/e2e/namespaces.ts'
import { Chronicle } from './soak-cluster/chronicle.ts'
import { Fleet, type FleetNode } from './soak-cluster/fleet.ts'
import { Oracle } from './soak-cluster/oracle.ts'

/*
 * Real nodes on machines of their own, to whom things happen that a seed has chosen: they are killed, stopped in
 * order, paused and cut off, and start again. An oracle outside knows what was done and says which deaths were true:
 *
 *   npm run soak:cluster -- [--nodes N] [--seconds N] [--seed S] [--log FILE]
 *
 * 32 nodes for an hour unless told otherwise. Needs root on Linux, ip and nft. The result, one line of JSON, goes to
 * standard output, progress to standard error. `cpuWaited` is the share of the time in which some process of this
 * machine waited for a processor, `nodesWaited` the one in which a node did, on average, and `longestWaitMs` how long
 * one stood so between two looks. FILE gets what everybody did and told, in order. Exit status: 0 nobody died by
 * mistake and all agreed after each fault, 1 not so, 2 wrong options or something is missing here.
 */

const AGREED_MS_MAX = 60_000
const VICTIMS_MAX = 3
/** A killed process rests this long at most; from the second time on all must know of it meanwhile. */
const REST_MS_MAX = 12_000
const KNOWN_MS_MIN = 4_000
const FAULT_MS_MIN = 1_000
const FAULT_MS_MAX = 20_000
const QUIET_MS_MAX = 3_000
const SHOWN_MAX = 20

const { nodes, seconds, seed, log } = options()
const missing = await Namespaces.missing()
if (missing !== undefined) refuse(`it needs root on Linux, ip and nft: ${missing}`)
const random = seededRandom(seed)
const times = { known: [] as number[], restarted: [] as number[] }
const healed = { pause: [] as number[], partition: [] as number[] }
const disagreements: string[] = []
const faults = { kill: 0, restart: 0, pause: 0, partition: 0 }
const KINDS = ['kill', 'restart', 'pause', 'partition'] as const

const directory = await mkdtemp(join(tmpdir(), 'hearsay-soak-'))
const network = await Namespaces.create(nodes)
const fleet: Fleet = new Fleet(network, directory, (observer, event) => {
  oracle.heard(observer, event)
  chronicle.heard(observer, event)
})
const oracle = new Oracle(fleet.nodes)
const chronicle = new Chronicle(fleet.nodes, log)
console.error(`seed ${seed}, ${nodes} nodes, ${seconds} s`)
const beganAt = performance.now()
const waitedBefore = waitedMs()
try {
  chronicle.start()
  await fleet.start()
  await agree('start')
  const until = performance.now() + seconds * 1_000
  while (performance.now() < until) {
    const kind = KINDS[randomInteger(random, KINDS.length)] ?? 'kill'
    const before = oracle.falseDeaths.length
    faults[kind] += 1
    const story = await play(kind)
    const died = oracle.falseDeaths.length - before
    console.error(
      `${Math.round((performance.now() - beganAt) / 1_000)} s ${story}${died > 0 ? `: ${died} FALSE DEATHS` : ''}`,
    )
    await fleet.pass(random.next() * QUIET_MS_MAX)
  }
} finally {
  await chronicle.end()
  await fleet.end()
  await network[Symbol.asyncDispose]()
  await rm(directory, { recursive: true, force: true })
}
const { falseDeaths, trueDeaths } = oracle
const ok = falseDeaths.length === 0 && disagreements.length === 0
console.log(
  JSON.stringify({
    ok,
    ...{ seed, nodes, seconds: Math.round((performance.now() - beganAt) / 1_000), faults },
    ...{ trueDeaths, falseDeaths: falseDeaths.length, firstFalse: falseDeaths.slice(0, SHOWN_MAX) },
    disagreements,
    cpuWaited: share(waitedMs() - waitedBefore, performance.now() - beganAt),
    ...chronicle.waits,
    knownMs: summary(times.known),
    restartedMs: summary(times.restarted),
    resumedMs: summary(healed.pause),
    healedMs: summary(healed.partition),
  }),
)
process.exitCode = ok ? 0 : 1

async function play(kind: (typeof KINDS)[number]): Promise<string> {
  switch (kind) {
    case 'kill':
      return await kill(pick(1 + randomInteger(random, VICTIMS_MAX)))
    case 'restart':
      return await restart(pick(1))
    case 'pause':
      return await pause(pick(1 + randomInteger(random, 2)))
    default:
      return await partition(pick(1 + randomInteger(random, Math.max(1, nodes - 1))))
  }
}

async function kill(victims: readonly FleetNode[]): Promise<string> {
  const isOver = oracle.without(victims)
  const restMs = random.next() * REST_MS_MAX
  chronicle.fault('kill', victims)
  await Promise.all(victims.map((node) => node.end('SIGKILL')))
  const knownMs = await fleet.until(() => fleet.areKnownDead(victims), restMs)
  if (knownMs !== undefined) times.known.push(knownMs)
  else if (restMs > KNOWN_MS_MIN)
    disagreements.push(`${names(victims)}: not known as dead after ${restMs} ms`)
  await fleet.pass(restMs - (knownMs ?? restMs))
  return await comeBack('killed', victims, isOver)
}

/** Who leaves in order has never failed: there is no excuse. */
async function restart(leavers: readonly FleetNode[]): Promise<string> {
  chronicle.fault('leave', leavers)
  await Promise.all(leavers.map((node) => node.end('SIGTERM')))
  return await comeBack('restarted', leavers, () => {})
}

async function comeBack(
  what: string,
  who: readonly FleetNode[],
  isOver: () => void,
): Promise<string> {
  chronicle.fault('start', who)
  await fleet.start(who)
  isOver()
  const agreedMs = await agree(`${what} ${names(who)}`)
  if (agreedMs !== undefined) times.restarted.push(agreedMs)
  return `${what} ${names(who)}: agreed after ${agreedMs?.toFixed(0)} ms`
}

async function pause(who: readonly FleetNode[]): Promise<string> {
  const isOver = oracle.without(who)
  chronicle.fault('pause', who)
  for (const node of who) node.signal('SIGSTOP')
  const ms = faultMs(random)
  await fleet.pass(ms)
  chronicle.fault('go on', who)
  for (const node of who) node.signal('SIGCONT')
  isOver()
  return await heal('pause', `stood ${ms.toFixed(0)} ms ${names(who)}`)
}

async function partition(side: readonly FleetNode[]): Promise<string> {
  const others = fleet.nodes.filter((node) => !side.includes(node))
  const [here, there] = [side, others].map((part) => part.map(({ machine }) => machine))
  const isOver = oracle.apart(side)
  chronicle.fault('part', side)
  await network.part(here ?? [], there ?? [])
  const ms = faultMs(random)
  await fleet.pass(ms)
  await network.mend()
  chronicle.fault('mend', side)
  isOver()
  return await heal('partition', `cut for ${ms.toFixed(0)} ms ${side.length} | ${others.length}`)
}

async function heal(kind: 'pause' | 'partition', story: string): Promise<string> {
  const agreedMs = await agree(story)
  if (agreedMs !== undefined) healed[kind].push(agreedMs)
  return `${story}: agreed after ${agreedMs?.toFixed(0)} ms`
}

async function agree(after: string): Promise<number | undefined> {
  const tookMs = await fleet.until(() => fleet.disagreements().length === 0, AGREED_MS_MAX)
  if (tookMs === undefined)
    disagreements.push(`${after}: ${fleet.disagreements().slice(0, 5).join(', ')}`)
  return tookMs
}

function faultMs({ next }: Random): number {
  return FAULT_MS_MIN + next() * (FAULT_MS_MAX - FAULT_MS_MIN)
}

function pick(count: number): readonly FleetNode[] {
  return shuffle(random, [...fleet.nodes]).slice(0, count)
}

function names(who: readonly FleetNode[]): string {
  return who.map(({ name }) => name).join(' ')
}

/** How long some process of this machine has waited for a processor, since it runs; 0 where nobody counts. */
function waitedMs(): number {
  try {
    return Number(/total=(\d+)/.exec(readFileSync('/proc/pressure/cpu', 'utf8'))?.[1] ?? 0) / 1_000
  } catch {
    return 0
  }
}

function share(part: number, whole: number): number {
  return Math.round((100 * part) / whole) / 100
}

function summary(samples: readonly number[]): object {
  const sorted = samples.toSorted((a, b) => a - b)
  const at = (share: number): number | undefined => {
    const sample = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]
    return sample === undefined ? undefined : Math.round(sample)
  }
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1) }
}

function options(): {
  readonly nodes: number
  readonly seconds: number
  readonly seed: number
  readonly log: string | undefined
} {
  const { values } = parseArgs({
    options: {
      nodes: { type: 'string', default: '32' },
      seconds: { type: 'string', default: '3600' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      log: { type: 'string' },
    },
  })
  const [count = 0, length = 0, number = 0] = [values.nodes, values.seconds, values.seed].map(
    Number,
  )
  const isWhole = [count, length, number].every((n) => Number.isSafeInteger(n) && n >= 0)
  if (!isWhole || count < 3 || count > 250 || length === 0) {
    refuse('numbers are whole; --nodes is 3 … 250, --seconds above 0')
  }
  return { nodes: count, seconds: length, seed: number, log: values.log }
}

function refuse(reason: string): never {
  console.error(`Cannot soak: ${reason}`)
  process.exit(2)
}
