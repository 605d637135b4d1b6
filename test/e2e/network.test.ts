import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { eventually } from './eventually.ts'
import { memberEvents } from './member-events.ts'
import { type Machine, Namespaces } from './namespaces.ts'
import { PeerProcess } from './peer-process.ts'

const PORT = 4001
/** Of all clusters together: more at once would only wait for each other. */
const STARTS_AT_ONCE = 3
const SECONDS_20 = 20_000
const LONG = { timeout: 240_000 }

const missing = await Namespaces.missing()
if (missing !== undefined) {
  console.warn(
    'Members on real networks are not tested: that needs root on Linux, ip and nft (packages iproute2 and ' +
      `nftables, which the machine of .ci/run may not have): ${missing}`,
  )
}

const directory = await mkdtemp(join(tmpdir(), 'hearsay-network-'))
const running = new Set<PeerProcess>()
const opened: Namespaces[] = []

afterAll(async () => {
  await Promise.all([...running].map((peer) => peer.end('SIGKILL')))
  await Promise.all(opened.map((network) => network[Symbol.asyncDispose]()))
  await rm(directory, { recursive: true, force: true })
})

const turns: Promise<unknown>[] = Array.from({ length: STARTS_AT_ONCE }, () => Promise.resolve())
let turn = 0

/** Begins what is asked for in so many rows, each one after the other. */
async function inTurn(work: () => Promise<void>): Promise<void> {
  const row = turn++ % STARTS_AT_ONCE
  const done = (turns[row] ?? Promise.resolve()).then(work)
  turns[row] = done.catch(() => {})
  await done
}

/** A node on a machine of its own, and what it tells of others. */
class Member {
  readonly name: string
  readonly machine: Machine
  readonly peer: PeerProcess
  #mark = 0

  constructor(name: string, machine: Machine, args: readonly string[]) {
    this.name = name
    this.machine = machine
    const { prefix, address } = machine
    const listen = ['--profile', 'lan', '--open', '--listen', `/ip4/${address}/tcp/${PORT}`]
    const runtimeDir = join(directory, name)
    this.peer = new PeerProcess({ runtimeDir, prefix, args: ['--name', name, ...listen, ...args] })
    running.add(this.peer)
  }

  /** What it tells from now on is another story. */
  mark(): void {
    this.#mark = this.peer.lines.length
  }

  /** The states that another one entered since the mark. */
  told(of: Member): readonly string[] {
    return this.#states(of, this.#mark)
  }

  state(of: Member): string | undefined {
    return this.#states(of, 0).at(-1)
  }

  #states({ name }: Member, from: number): readonly string[] {
    const events = memberEvents(this.peer.lines.slice(from))
    return events.filter((event) => event.name === name).map(({ state }) => state)
  }
}

async function cluster(
  label: string,
  size: number,
): Promise<{ readonly network: Namespaces; readonly members: readonly Member[] }> {
  const network = await Namespaces.create(size)
  opened.push(network)
  const seed = `/ip4/${network.machines[0]?.address}/tcp/${PORT}`
  const members: Member[] = []
  await Promise.all(
    network.machines.map(async (machine, i) => {
      const join = i === 0 ? [] : ['--join', seed]
      await inTurn(async () => {
        const member = new Member(`${label}${i}`, machine, join)
        members[i] = member
        await member.peer.listen()
      })
    }),
  )
  await allShow(members, members, ['alive'])
  for (const member of members) member.mark()
  return { network, members }
}

/** Waits until each of the first shows each of the second, but itself, in one of these states. */
async function allShow(
  observers: readonly Member[],
  subjects: readonly Member[],
  states: readonly string[],
): Promise<void> {
  await eventually(
    () =>
      observers.flatMap((observer) =>
        subjects
          .filter(
            (subject) => subject !== observer && !states.includes(observer.state(subject) ?? ''),
          )
          .map((subject) => `${observer.name} shows ${subject.name} ${observer.state(subject)}`),
      ),
    (others) => others.length === 0,
  )
}

/** How often each of the first told that one of the second has failed, since the mark. */
function deaths(observers: readonly Member[], subjects: readonly Member[]): readonly string[] {
  return observers.flatMap((observer) =>
    subjects.flatMap((subject) =>
      observer
        .told(subject)
        .filter((state) => state === 'failed')
        .map(() => `${subject.name} at ${observer.name}`),
    ),
  )
}

/** Every pair once. */
function pairs(observers: readonly Member[], subjects: readonly Member[]): readonly string[] {
  return observers.flatMap((observer) =>
    subjects
      .filter((subject) => subject !== observer)
      .map(({ name }) => `${name} at ${observer.name}`),
  )
}

/** How long a fault lasts; nothing is expected to have happened by then. */
function elapsed(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

describe.skipIf(missing !== undefined)('members on machines of their own', LONG, () => {
  describe.concurrent('faults that pass', LONG, () => {
    test('two halves fail each other once and are one again, and so is one that hears nobody', async () => {
      const { network, members } = await cluster('half', 6)
      const [left, right] = [members.slice(0, 3), members.slice(3)]
      const machines = (side: readonly Member[]): Machine[] => side.map(({ machine }) => machine)
      await network.part(machines(left), machines(right))
      await Promise.all([allShow(left, right, ['failed']), allShow(right, left, ['failed'])])
      await network.mend()
      await allShow(members, members, ['alive'])
      expect([...deaths(left, right), ...deaths(right, left)].toSorted()).toEqual(
        [...pairs(left, right), ...pairs(right, left)].toSorted(),
      )
      expect([...deaths(left, left), ...deaths(right, right)]).toEqual([])

      // One way only: the last one is heard, and hears nobody.
      for (const member of members) member.mark()
      const [others, deaf] = [members.slice(0, 5), members.slice(5)]
      await network.deafen(machines(deaf), machines(others))
      await Promise.all([
        allShow(others, deaf, ['failed', 'degraded']),
        allShow(deaf, others, ['failed']),
      ])
      await network.mend()
      await allShow(members, members, ['alive'])
      for (const observer of others) {
        const states = observer.told(deaf[0] ?? observer)
        const falls = states.filter((state) => state === 'failed').length
        expect(falls, `${observer.name}: ${states.join(' ')}`).toBeLessThanOrEqual(1)
      }
      expect(deaths(others, others)).toEqual([])
    })

    test('a fifth of all packets lost for 20 s fails nobody', async () => {
      const { network, members } = await cluster('lossy', 5)
      await network.lose(network.machines, 20)
      await elapsed(SECONDS_20)
      await network.mend()
      await allShow(members, members, ['alive', 'degraded'])
      expect(deaths(members, members)).toEqual([])
    })

    test('one that stood for 20 s is failed once, alive after, and accuses nobody', async () => {
      const { members } = await cluster('paused', 5)
      const [paused, ...others] = members
      if (paused === undefined) throw new Error('members')
      paused.peer.signal('SIGSTOP')
      const stood = elapsed(SECONDS_20)
      await allShow(others, [paused], ['failed'])
      await stood
      paused.peer.signal('SIGCONT')
      await allShow(members, members, ['alive'])
      expect(deaths(members, members).toSorted()).toEqual(pairs(others, [paused]).toSorted())
      expect(others.flatMap((other) => paused.told(other))).toEqual([])
    })
  })

  test('of sixteen all others know that one was killed, and doubt nobody else', async () => {
    await Promise.all([...running].map((peer) => peer.end('SIGKILL')))
    const { members } = await cluster('of16-', 16)
    const victim = members[7]
    if (victim === undefined) throw new Error('members')
    const others = members.filter((member) => member !== victim)
    await victim.peer.end('SIGKILL')
    await allShow(others, [victim], ['failed'])
    expect(deaths(others, members).toSorted()).toEqual(pairs(others, [victim]).toSorted())
  })
})
