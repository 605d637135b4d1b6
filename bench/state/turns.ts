import type { Scale } from './case.ts'
import { type NodeFigure, nodeFigure } from './node-figure.ts'
import { PeerProcess } from './peer-process.ts'

const AIM_MS = 10
const WORKER = './turns-worker.ts'

/** What could hold up a node, and with how many elements. */
const SCENARIOS: readonly { readonly name: string; readonly full: number; readonly how: string }[] =
  [
    { name: 'fresh', full: 1_000_000, how: 'a new member gets elements' },
    {
      name: 'missed',
      full: 1_000_000,
      how: 'a member with twice as many lacks as many, logs are gone',
    },
    { name: 'died', full: 1_000_000, how: 'half of the elements have died, logs are gone' },
    { name: 'events', full: 100_000, how: 'single adds and increments come by the log' },
    { name: 'writes', full: 1_000_000, how: '1,000 a transaction; snapshots, log forgotten' },
    { name: 'large', full: 100_000, how: 'a transaction of 16,384 elements' },
    { name: 'reads', full: 1_000_000, how: 'all elements of a set' },
  ]

/** The longest turn of cores that are linked, a process each time. */
export async function turnFigures(scale: Scale): Promise<readonly NodeFigure[]> {
  const figures: NodeFigure[] = []
  for (const { name, full, how } of SCENARIOS) {
    const elements = scale === 'full' ? full : full / 10
    const worker = new PeerProcess(WORKER, [name, String(elements)])
    try {
      const { longest } = await worker.expect('measured')
      for (const turn of turnsOf(longest)) {
        const collected = `${turn.collected.toFixed(1)} ms with collections of garbage`
        const told = { how: `${elements}: ${how}; ${collected}`, aim: AIM_MS }
        figures.push(nodeFigure(`longest turn, ${name}: ${turn.name}`, 'ms', [turn.ms], told))
      }
    } finally {
      await worker.kill()
    }
  }
  return figures
}

interface Longest {
  readonly name: string
  readonly ms: number
  readonly collected: number
}

function turnsOf(value: unknown): readonly Longest[] {
  return Array.isArray(value) ? (value as readonly Longest[]) : []
}
