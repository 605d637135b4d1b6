import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Agents, HEARSAY, SERF } from './serf/agents.ts'

/*
 * Head to head with Debian's serf: as many agents of each kind on loopback, both with the settings that users get,
 * trial by trial in turns. Measured from the signal that ends, stops or dismisses one agent until the last of the
 * others has written that it knows. Needs root on Linux, ip and serf; the table goes to docs/EVIDENCE.md.
 */

const AGENTS = 16
const IDLE_MS = 20_000
const EVIDENCE = fileURLToPath(new URL('../docs/EVIDENCE.md', import.meta.url))
const BEGIN = '<!-- npm run bench -- serf: begin -->'
const END = '<!-- npm run bench -- serf: end -->'
const PREFIX = `hearsay-bench-${process.pid.toString(36)}`
const TITLES = {
  killed: 'killed process known by all others',
  silent: 'silent process (SIGSTOP) known by all others',
  left: 'leave known by all others',
} as const

type Case = keyof typeof TITLES
type Samples = Record<Case, number[]>
interface Idle {
  readonly bytesPerSecond: number
  readonly cpuShare: number
}

export interface SerfReport {
  readonly trials: number
  readonly samples: Readonly<Record<string, Samples>>
  readonly idle: Readonly<Record<string, Idle>>
}

/** @returns undefined, when it said what is missing here */
export async function serfBench(trials: number): Promise<SerfReport | undefined> {
  const missing = missingHere()
  if (missing !== undefined) {
    console.error(`serf is left out: ${missing}`)
    return undefined
  }
  const directory = await mkdtemp(join(tmpdir(), 'hearsay-serf-'))
  const fleets = [HEARSAY, SERF].map((kind) => {
    const namespace = `${PREFIX}-${kind.name}`
    ip('netns', 'add', namespace)
    ip('-n', namespace, 'link', 'set', 'lo', 'up')
    return { namespace, agents: new Agents({ kind, count: AGENTS, namespace, directory }) }
  })
  const samples: Record<string, Samples> = {}
  const idle: Record<string, Idle> = {}
  try {
    for (const { agents } of fleets) {
      await agents.start()
      samples[agents.kind.name] = { killed: [], silent: [], left: [] }
    }
    for (let trial = 0; trial < trials; trial++) {
      for (const { agents } of fleets) await play(agents, trial, samples[agents.kind.name])
    }
    for (const { agents, namespace } of fleets) {
      idle[agents.kind.name] = await idleOf(agents, namespace)
    }
  } finally {
    for (const { agents, namespace } of fleets) {
      await agents.end()
      ip('netns', 'del', namespace)
    }
    await rm(directory, { recursive: true, force: true })
  }
  const report = { trials, samples, idle }
  const table = tableOf(report)
  console.log(table.join('\n'))
  writeEvidence(table)
  return report
}

/** One of each: another victim each time, never the one that all joined by, at a moment of chance. */
async function play(agents: Agents, trial: number, samples: Samples | undefined): Promise<void> {
  const victim = 1 + (trial % (agents.count - 1))
  await pass(1_000 * Math.random())
  samples?.killed.push(await agents.measure(victim, 'SIGKILL', 'failed'))
  await agents.restart(victim)
  await agents.settled()
  await pass(1_000 * Math.random())
  samples?.silent.push(await agents.measure(victim, 'SIGSTOP', 'failed'))
  agents.resume(victim)
  await agents.settled()
  await pass(1_000 * Math.random())
  samples?.left.push(await agents.measure(victim, 'SIGINT', 'left'))
  await agents.restart(victim)
  await agents.settled()
}

async function idleOf(agents: Agents, namespace: string): Promise<Idle> {
  const before = { bytes: loopbackBytes(namespace), cpuMs: agents.cpuMs, at: performance.now() }
  await pass(IDLE_MS)
  const ms = performance.now() - before.at
  return {
    bytesPerSecond: ((loopbackBytes(namespace) - before.bytes) * 1_000) / ms / agents.count,
    cpuShare: (agents.cpuMs - before.cpuMs) / ms / agents.count,
  }
}

/** What was sent over loopback there, headers included. */
function loopbackBytes(namespace: string): number {
  const table = execFileSync('ip', ['netns', 'exec', namespace, 'cat', '/proc/net/dev'], {
    encoding: 'utf8',
  })
  return Number(/lo:\s*(\d+)/.exec(table)?.[1])
}

function tableOf({ trials, samples, idle }: SerfReport): readonly string[] {
  const names = Object.keys(samples)
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  const times = (Object.keys(TITLES) as Case[]).map((of) =>
    row([
      TITLES[of],
      ...names.flatMap((name) =>
        [0.5, 0.99, 1].map((at) => quantile(samples[name]?.[of] ?? [], at)),
      ),
    ]),
  )
  const once = (title: string, text: (of: Idle) => string): string =>
    row([
      title,
      ...names.flatMap((name) => [idle[name] === undefined ? '' : text(idle[name]), '', '']),
    ])
  return [
    `${AGENTS} agents of each kind on loopback, ${trials} trials of each, in turns; ms from the signal until the last`,
    'of the other fifteen had written that it knows. Idle: sent over loopback a node and second, headers included, and',
    'share of one core a node.',
    '',
    row(['', ...names.flatMap((name) => [`${name} p50`, 'p99', 'max'])]),
    row(['---', ...names.flatMap(() => ['---:', '---:', '---:'])]),
    ...times,
    once('idle, B/s', ({ bytesPerSecond }) => bytesPerSecond.toFixed(0)),
    once('idle, % of a core', ({ cpuShare }) => (100 * cpuShare).toFixed(2)),
  ]
}

/** Puts the table in the place of the last one. */
function writeEvidence(table: readonly string[]): void {
  const processors = cpus()
  const model = processors[0]?.model ?? 'processor'
  const machine = `${processors.length} × ${model} (load ${loadavg()[0]?.toFixed(1)} at the end)`
  const version = execFileSync('serf', ['version'], { encoding: 'utf8' }).split('\n')[0]
  const when = new Date().toISOString().slice(0, 10)
  const section = [
    ...[
      BEGIN,
      '',
      `${when}, ${machine}, Node.js ${process.version}, serf ${version} (profile lan).`,
    ],
    ...[...table, '', END],
  ].join('\n')
  let text = '# Evidence\n\nFigures that scripts have measured and written here.\n'
  try {
    text = readFileSync(EVIDENCE, 'utf8')
  } catch {
    // The first one.
  }
  const from = text.indexOf(BEGIN)
  const to = text.indexOf(END)
  const isThere = from >= 0 && to > from
  const body = isThere
    ? text.slice(0, from) + section + text.slice(to + END.length)
    : `${text}\n## Beside serf\n\n${section}\n`
  writeFileSync(EVIDENCE, body)
}

function missingHere(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'it needs root on Linux'
  for (const [program, argument, source] of [
    ['ip', '-V', 'iproute2'],
    ['serf', 'version', 'serf'],
  ] as const) {
    try {
      execFileSync(program, [argument], { stdio: 'ignore' })
    } catch {
      return `there is no ${program}: apt install ${source}`
    }
  }
  return undefined
}

function ip(...args: readonly string[]): void {
  execFileSync('ip', args)
}

/** Waiting is the point: trials begin at no fixed place in the periods of the agents, and idling has to last. */
function pass(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

function quantile(samples: readonly number[], at: number): string {
  const sorted = samples.toSorted((a, b) => a - b)
  return (sorted[Math.max(0, Math.ceil(at * sorted.length) - 1)] ?? Number.NaN).toFixed(0)
}
