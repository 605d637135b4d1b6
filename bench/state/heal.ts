import { REPLICATION_DEFAULTS } from '../../src/replication/options.ts'
import type { Scale } from './case.ts'
import { Conversation, type Talk } from './conversation.ts'
import { newcomerOf } from './hearsay.ts'
import { HearsayDocument } from './hearsay-document.ts'
import { checksum, half, keys, randomKey } from './keys.ts'
import { type NodeFigure, nodeFigure } from './node-figure.ts'

const NODES = 8
const FLIGHT_MS = 1
const APART_MS = 30_000
const PERIODS = 2
const RATIO = 1.15

/** How the halves come apart. */
interface Cut {
  readonly label: string
  readonly how: string
  /** Links break, and are made anew; otherwise frames are lost and no node is told. */
  readonly isTold: boolean
  readonly isHalved: boolean
}

const TOLD = 'links broken and made anew'
const CUTS: readonly Cut[] = [
  { label: 'heal', how: TOLD, isTold: true, isHalved: false },
  { label: 'heal, half deleted', how: TOLD, isTold: true, isHalved: true },
  {
    label: 'heal, silent cut',
    how: `frames lost for ${APART_MS / 1_000} s, no node told`,
    isTold: false,
    isHalved: false,
  },
]

/**
 * Two halves of a full mesh write apart, then hear of each other again. Over virtual time, so the figures
 * are exact: they count waiting and bytes, and no work of processors.
 */
export async function healFigures(scale: Scale): Promise<readonly NodeFigure[]> {
  const events = scale === 'full' ? 10_000 : 2_000
  const figures: NodeFigure[] = []
  for (const cut of CUTS) {
    const { ms, bytes, missing } = heal(events, cut)
    const what = cut.isHalved ? `${events} adds + ${events / 2} removals` : `${events} adds`
    const how = `2 × ${NODES / 2} nodes, ${what} in each half, keys of 16 B, ${cut.how}`
    const periods = ms / REPLICATION_DEFAULTS.antiEntropyMs
    figures.push(
      nodeFigure(`${cut.label}: until all are equal`, 'periods', [periods], { how, aim: PERIODS }),
      nodeFigure(`${cut.label}: sent ÷ missing`, 'times', [bytes / missing], {
        how: 'missing: what each node lacks, packed as for a newcomer',
        limit: '1',
        aim: RATIO,
      }),
    )
  }
  return figures
}

function heal(events: number, { isTold, isHalved }: Cut): Talk & { readonly missing: number } {
  const nodes = Array.from({ length: NODES }, (_, index) => new HearsayDocument(1 + index, []))
  const halves = [nodes.slice(0, NODES / 2), nodes.slice(NODES / 2)] as const
  const conversation = new Conversation(nodes, { flightMs: FLIGHT_MS })
  const across = halves[0].flatMap((a) => halves[1].map((b) => [a, b] as const))
  for (const [a, b] of pairs(nodes)) {
    const isAcross = across.some(([from, to]) => from === a && to === b)
    if (!isAcross || !isTold) conversation.link(a, b)
  }
  conversation.settle(isTold ? halves : [nodes])
  for (const [a, b] of across) conversation.cut(a, b)
  const all = keys(2 * events, randomKey)
  const share = (2 * events) / NODES
  for (const [index, node] of nodes.entries()) {
    const own = all.slice(index * share, (index + 1) * share)
    for (const key of own) node.add(key)
    if (isHalved) for (const key of half(own)) node.remove(key)
  }
  conversation.pass(APART_MS)
  let missing = 0
  for (const [first] of halves) {
    if (first === undefined) throw new Error('a half has nodes')
    const packed = newcomerOf(first).frames.reduce((bytes, frame) => bytes + frame.length, 0)
    missing += packed * (NODES / 2)
  }
  for (const [a, b] of across) {
    if (isTold) conversation.link(a, b)
    else conversation.mend(a, b)
  }
  const talk = conversation.settle()
  const expected = all.length / (isHalved ? 2 : 1)
  const checks = new Set(nodes.map((node) => checksum(node)))
  const [check = ''] = checks
  if (checks.size !== 1 || !check.startsWith(`${expected}:`)) {
    throw new Error(`after the heal nodes hold ${[...checks].join(' and ')}, not ${expected}`)
  }
  return { ...talk, missing }
}

/** All pairs, the earlier one first. */
function pairs<T>(items: readonly T[]): readonly (readonly [T, T])[] {
  return items.flatMap((a, i) => items.slice(i + 1).map((b) => [a, b] as const))
}
