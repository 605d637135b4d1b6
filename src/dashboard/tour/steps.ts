import type { Actions } from '../actions.ts'
import { isPresent, type Peer, stateShares } from '../snapshot.ts'
import type { State, Store } from '../store.ts'

const COUNTER = 'tour'
const KEY = 'tour/greeting'
/** Replicas that a full quorum is counted over. */
const REPLICATION = 5

/** What a step works with. */
export interface Stage {
  readonly store: Store
  readonly actions: Actions
  /** What the tour has written, to count it again at the end. */
  written: number
}

export interface Step {
  readonly title: string
  /** What happens, and why. */
  readonly text: string
  /** What to look at. */
  readonly look: string
  /** Id of the part of the page where that is. */
  readonly at: string
  readonly button: string
  /** Resolves to false when it could not be done. */
  act(stage: Stage): Promise<boolean>
  /** Whether what was to be seen can be seen. */
  isDone(state: State): boolean
}

/** Names of the demo's nodes that run. */
function running(state: State): readonly Peer[] {
  return (state.snapshot?.peers ?? []).filter((peer) => peer.isOurs && isPresent(peer))
}

function states(state: State): number {
  return stateShares(running(state)).length
}

function firstOf(stage: Stage): string {
  return running(stage.store.state)[0]?.name ?? ''
}

function lastOf(stage: Stage): string {
  return running(stage.store.state).at(-1)?.name ?? ''
}

function halves(state: State): readonly (readonly string[])[] {
  const names = running(state).map((peer) => peer.name)
  const half = Math.floor(names.length / 2)
  return [names.slice(0, half), names.slice(half)]
}

async function add(stage: Stage, name: string, value: number): Promise<boolean> {
  const isDone = await stage.actions.change(name, COUNTER, { type: 'counter', op: 'add', value })
  if (isDone) stage.written += value
  return isDone
}

/** The tour through a demo of so many nodes. */
export function tourSteps(nodes: number): readonly Step[] {
  const majority = Math.floor(Math.min(nodes, REPLICATION) / 2) + 1
  const isRefused = Math.floor(nodes / 2) < majority
  return [
    WRITE,
    PUT,
    GET,
    CUT,
    APART,
    BELIEF,
    ...(isRefused ? [REFUSE] : []),
    HEAL,
    COUNT,
    KILL,
    BACK,
    SILENCE,
  ]
}

const WRITE: Step = {
  title: 'A write spreads',
  text: 'Every node holds the same replicated state and may change it without asking anybody. The first node adds 1 to a counter.',
  look: 'In the graph a new colour runs through all nodes: colour is state. In the strip below it is a new band.',
  at: 'graph',
  button: 'Add 1',
  act: async (stage) => {
    const { snapshot } = stage.store.state
    for (const peer of snapshot?.peers ?? []) {
      if (peer.state === 'killed') await stage.actions.fault('restart', peer.name)
    }
    if ((snapshot?.sides.length ?? 0) > 0) await stage.actions.heal()
    return add(stage, firstOf(stage), 1)
  },
  isDone: (state) => states(state) === 1,
}

const PUT: Step = {
  title: 'A value finds its place',
  text: 'The DHT stores a value on the members closest to its key. A put says how many of them have it on disk, and fails below the majority.',
  look: 'The diamond is the key, the large dots are its replicas, the lines lead to those that acknowledged.',
  at: 'ring',
  button: 'Put a value',
  act: (stage) => stage.actions.put(firstOf(stage), KEY, 'hello from the tour'),
  isDone: ({ lookup }) => lookup?.act === 'put' && lookup.key === KEY,
}

const GET: Step = {
  title: 'Anybody finds it',
  text: 'Another node asks for the same key. It knows all members, so it asks a replica at once.',
  look: 'The line now leads from the node that asked to the one that answered. A node that is a replica answers itself.',
  at: 'ring',
  button: 'Get it elsewhere',
  act: async (stage) => (await stage.actions.get(lastOf(stage), KEY)) !== undefined,
  isDone: ({ lookup }) => lookup?.act === 'get' && lookup.key === KEY,
}

const CUT: Step = {
  title: 'The network is cut',
  text: 'No frame passes between the two halves any more, as if a cable were pulled. You can do the same by drawing a line through the graph.',
  look: 'The halves drift apart. Dashed lines are links that nothing passes through.',
  at: 'graph',
  button: 'Cut it in halves',
  act: (stage) => stage.actions.partition(halves(stage.store.state)),
  isDone: ({ snapshot }) => (snapshot?.sides.length ?? 0) > 1,
}

const APART: Step = {
  title: 'Both sides go on',
  text: 'Writes never wait for the other side. One half adds 3 to the counter, the other 12.',
  look: 'Two colours, two columns of values, and the counter is marked as different.',
  at: 'values',
  button: 'Write on both sides',
  act: async (stage) => {
    const isWritten = await add(stage, firstOf(stage), 3)
    return (await add(stage, lastOf(stage), 12)) && isWritten
  },
  isDone: (state) => states(state) > 1,
}

const BELIEF: Step = {
  title: 'Silence is noticed',
  text: 'The members of the other half do not answer. Their neighbours talk it over, and after about two seconds call them failed.',
  look: 'What this node sees of the chosen one, and the evidence: who said so, and how.',
  at: 'details',
  button: 'Choose a lost node',
  act: async (stage) => {
    stage.store.set({ selected: running(stage.store.state).at(-1)?.peerId })
    return true
  },
  isDone: (state) => running(state).some((peer) => peer.seen === 'failed'),
}

const REFUSE: Step = {
  title: 'No false promises',
  text: 'The smaller half cannot reach a majority of the replicas. A put there must not pretend to be safe, so it is refused.',
  look: 'The answer, at the top of the page: how many acknowledged, and how many are needed.',
  at: 'notice',
  button: 'Put on the small side',
  act: async (stage) => {
    await stage.actions.put(firstOf(stage), KEY, 'from the small side')
    return true
  },
  isDone: ({ notice }) => notice?.isError === true,
}

const HEAL: Step = {
  title: 'The network is whole again',
  text: 'The halves find each other, compare what they have, and bring each other only what is missing. Nobody decides, nothing is asked.',
  look: 'One colour again. The number at the top says how long it took.',
  at: 'convergence',
  button: 'Heal it',
  act: (stage) => stage.actions.heal(),
  isDone: (state) => state.snapshot?.sides.length === 0 && states(state) === 1,
}

const COUNT: Step = {
  title: 'Nothing is lost',
  text: 'Both halves wrote while they were apart. Their sums add up, on every node.',
  look: 'One column: all nodes hold the same counter, with the writes of both sides in it.',
  at: 'values',
  button: 'Count',
  act: async (stage) => {
    const read = (name: string): Promise<unknown> =>
      stage.actions.client(name).object(COUNTER, { type: 'counter' })
    const [first, last] = await Promise.all([read(firstOf(stage)), read(lastOf(stage))])
    const isSame = JSON.stringify(first) === JSON.stringify(last)
    const text = `The first and the last node hold the same: ${JSON.stringify(first)}; ${stage.written} were added here`
    stage.store.set({ notice: { text: isSame ? text : 'They differ still', isError: !isSame } })
    return isSame
  },
  isDone: (state) => states(state) === 1,
}

const KILL: Step = {
  title: 'A node dies',
  text: 'The last node is ended as a crash would: no goodbye. Its closed connections give it away within half a second.',
  look: 'The timeline: links go down, the member fails, and which evidence convinced this node.',
  at: 'timeline',
  button: 'Kill it',
  act: (stage) => stage.actions.fault('kill', lastOf(stage)),
  isDone: (state) => {
    const killed = state.snapshot?.peers.find((peer) => peer.state === 'killed')
    return killed?.seen === 'failed'
  },
}

const BACK: Step = {
  title: 'And comes back',
  text: 'It starts again with its identity and its data, joins, and asks for what it missed.',
  look: 'The node takes the colour of the others as soon as it has caught up.',
  at: 'graph',
  button: 'Restart it',
  act: async (stage) => {
    const killed = stage.store.state.snapshot?.peers.find((peer) => peer.state === 'killed')
    return stage.actions.fault('restart', killed?.name ?? lastOf(stage))
  },
  isDone: (state) => {
    const ours = (state.snapshot?.peers ?? []).filter((peer) => peer.isOurs)
    return (
      states(state) === 1 && ours.every((peer) => peer.state === 'alive' && peer.seen === 'alive')
    )
  },
}

const SILENCE: Step = {
  title: 'Alive, but silent',
  text: 'The last node is paused, as a stalled machine would be. Nothing closes, so others must find out by asking.',
  look: 'In the list: it runs, and is seen as failed a little later. Heal wakes it up; try the other buttons too.',
  at: 'members',
  button: 'Pause it',
  act: (stage) => stage.actions.fault('pause', lastOf(stage)),
  isDone: (state) =>
    (state.snapshot?.peers ?? []).some((peer) => peer.state === 'paused' && peer.seen === 'failed'),
}
