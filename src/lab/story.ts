import { HearsayError } from '../index.ts'
import type { Lab } from './lab-types.ts'
import { Ledger } from './ledger.ts'

/** How long the story may take, with few nodes and for each of many: they share two cores, perhaps. */
const STORY_MS_MAX = 25_000
const STORY_MS_A_NODE = 2_000
/** Membership finds the cut in about two seconds; large labs on small machines take longer, and the story goes on. */
const NOTICE_MS_MAX = 4_000
const KEY = 'greeting'
const VALUE = 'hello from the first peer'
const COUNTER = 'visits'
const SET = 'guests'

/** What the story tells while it happens; times in ms. */
export type StoryStep =
  | { readonly type: 'ready'; readonly nodes: number; readonly readyMs: number }
  | {
      readonly type: 'put'
      readonly key: string
      readonly value: string
      readonly through: string
      readonly acks: number
      readonly replicas: readonly string[]
      readonly putMs: number
    }
  | {
      readonly type: 'got'
      readonly key: string
      readonly value: string
      readonly through: string
      readonly from: string
      readonly getMs: number
    }
  | { readonly type: 'partitioned'; readonly sides: readonly (readonly string[])[] }
  | {
      readonly type: 'written'
      /** The node that wrote, while the network was cut. */
      readonly through: string
      readonly counter: string
      readonly amount: number
      readonly set: string
      readonly values: readonly string[]
    }
  | {
      readonly type: 'diverged'
      readonly digests: number
      /** By name of the node. */
      readonly digestOf: Readonly<Record<string, string>>
    }
  | {
      readonly type: 'noticed'
      /** False when some node still believes in somebody on the other side. */
      readonly byAll: boolean
      readonly noticedMs: number
    }
  | { readonly type: 'healed' }
  | {
      readonly type: 'converged'
      readonly convergedMs: number
      readonly digest: string
      /** Bytes of sync frames that all nodes together sent from the heal to agreement. */
      readonly syncBytes: number
    }
  | {
      readonly type: 'checked'
      readonly counter: string
      readonly sum: number
      readonly set: string
      readonly size: number
      /** Writes that some node does not hold, counted over all nodes. */
      readonly lost: number
    }
  | { readonly type: 'failed'; readonly during: string; readonly reason: string }

/** The last line of `demo --json`. */
export interface StoryResult {
  readonly ok: boolean
  readonly nodes: number
  readonly readyMs: number
  readonly partition: {
    readonly sides: readonly (readonly string[])[]
    readonly digests: number
  }
  readonly heal: {
    readonly convergedMs: number
    readonly digest: string
    readonly lost: number
    readonly syncBytes: number
  }
  readonly dht: { readonly putMs: number; readonly getMs: number; readonly acks: number }
}

export interface StoryOptions {
  /** Ends the story early: it is told as failed. */
  readonly signal?: AbortSignal
}

/**
 * The demo: a value put through one node and read through another; a partition, writes on both sides, two digests;
 * a heal, one digest, and every write accounted for. Never throws for what the lab does: a wait that ends in vain is
 * a step `failed` and `ok: false`.
 *
 * @returns the result, as the generator's return value
 * @throws {RangeError} when fewer than two nodes run
 */
export async function* tellStory(
  lab: Lab,
  options: StoryOptions = {},
): AsyncGenerator<StoryStep, StoryResult, void> {
  if (lab.nodes.length < 2) throw new RangeError('Cannot tell the story: it needs two nodes')
  const deadline = AbortSignal.timeout(Math.max(STORY_MS_MAX, STORY_MS_A_NODE * lab.nodes.length))
  const signal =
    options.signal === undefined ? deadline : AbortSignal.any([deadline, options.signal])
  const draft = new Draft(lab)
  const chapters = {
    'starting up': ready,
    'the value': value,
    'the partition': partition,
    'the heal': heal,
  }
  for (const [during, chapter] of Object.entries(chapters)) {
    try {
      yield* chapter({ lab, draft, signal })
    } catch (error) {
      yield {
        type: 'failed',
        during,
        reason: error instanceof Error ? error.message : String(error),
      }
      await lab.heal()
      return draft.result(false)
    }
  }
  return draft.result(true)
}

interface Telling {
  readonly lab: Lab
  readonly draft: Draft
  readonly signal: AbortSignal
}

type Chapter = AsyncGenerator<StoryStep, void, void>

/** Collects the result; what has not happened yet is 0 or empty. */
class Draft {
  readonly ledger: Ledger = new Ledger(COUNTER, SET)
  readonly #nodes: number
  readyMs = 0
  partition: StoryResult['partition'] = { sides: [], digests: 0 }
  heal: StoryResult['heal'] = { convergedMs: 0, digest: '', lost: 0, syncBytes: 0 }
  dht: StoryResult['dht'] = { putMs: 0, getMs: 0, acks: 0 }

  constructor(lab: Lab) {
    this.#nodes = lab.nodes.length
  }

  result(isTold: boolean): StoryResult {
    const { readyMs, partition: cut, heal: mended, dht } = this
    const ok = isTold && mended.lost === 0
    return { ok, nodes: this.#nodes, readyMs, partition: cut, heal: mended, dht }
  }
}

async function* ready({ lab, draft, signal }: Telling): Chapter {
  await lab.ready({ signal })
  draft.readyMs = elapsedMs(lab.startedAt)
  yield { type: 'ready', nodes: lab.nodes.length, readyMs: draft.readyMs }
}

async function* value({ lab, draft, signal }: Telling): Chapter {
  const [writer, reader] = [lab.nodes.at(0), lab.nodes.at(-1)]
  if (writer === undefined || reader === undefined) return
  const startedAt = performance.now()
  const { acks, replicas } = await patiently(() => writer.dht.put(KEY, VALUE, { signal }), signal)
  const putMs = elapsedMs(startedAt)
  draft.dht = { ...draft.dht, putMs, acks }
  yield { type: 'put', key: KEY, value: VALUE, through: writer.name, acks, replicas, putMs }
  const readAt = performance.now()
  const found = await patiently(() => reader.dht.get(KEY, { signal }), signal)
  const getMs = elapsedMs(readAt)
  if (found?.value !== VALUE) throw new Error(`Cannot read ${KEY} through ${reader.name}`)
  draft.dht = { ...draft.dht, getMs }
  yield { type: 'got', key: KEY, value: VALUE, through: reader.name, from: found.from, getMs }
}

/** Members know each other before they are all linked: fifty in one process take longer than a call waits. */
async function patiently<T>(call: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (;;) {
    try {
      return await call()
    } catch (error) {
      const code = error instanceof HearsayError ? error.code : undefined
      if (signal.aborted || (code !== 'ERR_QUORUM' && code !== 'ERR_TIMEOUT')) throw error
    }
  }
}

async function* partition({ lab, draft, signal }: Telling): Chapter {
  // Data of an earlier run may still be spreading: what is counted later must start from one state.
  await lab.until(() => new Set(lab.digests().values()).size === 1, { signal })
  const names = lab.nodes.map((node) => node.name)
  const half = Math.floor(names.length / 2)
  const sides = [names.slice(0, half), names.slice(half)]
  const cutAt = performance.now()
  await lab.partition(sides)
  draft.partition = { sides, digests: 0 }
  yield { type: 'partitioned', sides }
  // All at once, as people do.
  const entries = names.map((through, index) => {
    const entry = { through, amount: index + 1, values: [`guest of ${through}`] }
    return { entry, written: draft.ledger.write(lab.node(through), { ...entry, signal }) }
  })
  // Awaited one by one below: one that fails before its turn is not unheard until then.
  Promise.all(entries.map(({ written }) => written)).catch(() => {})
  for (const { entry, written } of entries) {
    await written
    yield { type: 'written', counter: COUNTER, set: SET, ...entry }
  }
  const digestsOn = (side: readonly string[]): ReadonlySet<string> =>
    new Set(side.map((name) => lab.node(name).digest()))
  await lab.until(() => sides.every((side) => digestsOn(side).size === 1), { signal })
  const digestOf = Object.fromEntries(lab.digests())
  const digests = new Set(Object.values(digestOf)).size
  draft.partition = { sides, digests }
  yield { type: 'diverged', digests, digestOf }
  if (digests !== sides.length) throw new Error(`Cannot see ${sides.length} digests: ${digests}`)
  const byAll = await isNoticed({ lab, sides, signal })
  yield { type: 'noticed', byAll, noticedMs: elapsedMs(cutAt) }
}

/** Waits until nobody believes anybody on another side to be alive, so that the heal has something to mend. */
async function isNoticed(cut: {
  readonly lab: Lab
  readonly sides: readonly (readonly string[])[]
  readonly signal: AbortSignal
}): Promise<boolean> {
  const { lab, sides, signal } = cut
  const deadline = AbortSignal.timeout(NOTICE_MS_MAX)
  const seesItsSideOnly = (name: string): boolean => {
    const side = sides.find((one) => one.includes(name)) ?? []
    const members = lab.node(name).members.list()
    return members.every((member) => member.state !== 'alive' || side.includes(member.name))
  }
  try {
    const everybody = (): boolean => sides.flat().every(seesItsSideOnly)
    await lab.until(everybody, { signal: AbortSignal.any([signal, deadline]) })
    return true
  } catch (error) {
    if (signal.aborted || !deadline.aborted) throw error
    return false
  }
}

async function* heal({ lab, draft, signal }: Telling): Chapter {
  const bytesBefore = syncBytes(lab)
  const startedAt = performance.now()
  await lab.heal()
  yield { type: 'healed' }
  await lab.until(() => new Set(lab.digests().values()).size === 1, { signal })
  const convergedMs = elapsedMs(startedAt)
  const [digest = ''] = lab.digests().values()
  const lost = lab.nodes.reduce((sum, node) => sum + draft.ledger.missingOn(node), 0)
  draft.heal = { convergedMs, digest, lost, syncBytes: syncBytes(lab) - bytesBefore }
  yield { type: 'converged', convergedMs, digest, syncBytes: draft.heal.syncBytes }
  const { sum, size } = draft.ledger
  yield { type: 'checked', counter: COUNTER, sum, set: SET, size, lost }
}

function syncBytes(lab: Lab): number {
  return lab.traffic().sent.sync ?? 0
}

function elapsedMs(since: number): number {
  return Math.round(performance.now() - since)
}
