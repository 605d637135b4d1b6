import { REPLICATION_DEFAULTS } from '../../src/replication/options.ts'
import type { Scale } from './case.ts'
import { Conversation, type Talk } from './conversation.ts'
import { newcomerOf } from './hearsay.ts'
import { HearsayDocument } from './hearsay-document.ts'
import { checksum, half, keys, randomKey } from './keys.ts'
import { type NodeFigure, nodeFigure } from './node-figure.ts'

const NODES = 8
const FLIGHT_MS = 1
const PERIODS = 2
const RATIO = 1.15

/**
 * Two halves of a full mesh write apart, then all links between them return at once. Over virtual time, so
 * the figures are exact: they count waiting and bytes, and no work of processors.
 */
export async function healFigures(scale: Scale): Promise<readonly NodeFigure[]> {
  const events = scale === 'full' ? 10_000 : 2_000
  const figures: NodeFigure[] = []
  for (const isHalved of [false, true]) {
    const { ms, bytes, missing } = heal(events, isHalved)
    const what = isHalved ? `${events} adds + ${events / 2} removals` : `${events} adds`
    const how = `2 × ${NODES / 2} nodes, ${what} in each half, keys of 16 B, ${FLIGHT_MS} ms one way`
    const label = isHalved ? 'heal, half deleted' : 'heal'
    const periods = ms / REPLICATION_DEFAULTS.antiEntropyMs
    figures.push(
      nodeFigure(`${label}: until all are equal`, 'periods', [periods], { how, aim: PERIODS }),
      nodeFigure(`${label}: sent ÷ missing`, 'times', [bytes / missing], {
        how: 'missing: what each node lacks, packed as for a newcomer',
        limit: '1',
        aim: RATIO,
      }),
    )
  }
  return figures
}

function heal(events: number, isHalved: boolean): Talk & { readonly missing: number } {
  const nodes = Array.from({ length: NODES }, (_, index) => new HearsayDocument(1 + index, []))
  const halves = [nodes.slice(0, NODES / 2), nodes.slice(NODES / 2)] as const
  const conversation = new Conversation(nodes, { flightMs: FLIGHT_MS })
  for (const side of halves) linkAll(conversation, side, side)
  conversation.settle(halves)
  const all = keys(2 * events, randomKey)
  const share = (2 * events) / NODES
  for (const [index, node] of nodes.entries()) {
    const own = all.slice(index * share, (index + 1) * share)
    for (const key of own) node.add(key)
    if (isHalved) for (const key of half(own)) node.remove(key)
  }
  conversation.settle(halves)
  let missing = 0
  for (const [first] of halves) {
    if (first === undefined) throw new Error('a half has nodes')
    const packed = newcomerOf(first).frames.reduce((bytes, frame) => bytes + frame.length, 0)
    missing += packed * (NODES / 2)
  }
  linkAll(conversation, ...halves)
  const talk = conversation.settle()
  const expected = all.length / (isHalved ? 2 : 1)
  const checks = new Set(nodes.map((node) => checksum(node)))
  const [check = ''] = checks
  if (checks.size !== 1 || !check.startsWith(`${expected}:`)) {
    throw new Error(`after the heal nodes hold ${[...checks].join(' and ')}, not ${expected}`)
  }
  return { ...talk, missing }
}

/** Links every node of one side with every other one of the other side. */
function linkAll(
  conversation: Conversation,
  a: readonly HearsayDocument[],
  b: readonly HearsayDocument[],
): void {
  for (const from of a) {
    for (const to of b)
      if (from !== to && !conversation.isLinked(from, to)) conversation.link(from, to)
  }
}
