import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Client } from '../../src/http/client.ts'
import { eventually } from './eventually.ts'
import { PeerProcess } from './peer-process.ts'

/** A running node. */
export interface Member {
  readonly name: string
  readonly dataDir: string
  readonly peer: PeerProcess
  readonly client: Client
}

/** Real processes of one network, all in one temporary directory. */
export class Cluster {
  readonly directory: string
  readonly #running = new Set<PeerProcess>()
  /** What ended processes have said. */
  readonly #said: string[] = []

  static async create(): Promise<Cluster> {
    return new Cluster(await mkdtemp(join(tmpdir(), 'hearsay-cluster-')))
  }

  private constructor(directory: string) {
    this.directory = directory
  }

  dataDir(name: string): string {
    return join(this.directory, name)
  }

  /** Starts a node without waiting for it. @param args beside its name and directory */
  launch(name: string, ...args: readonly string[]): PeerProcess {
    const options = ['--name', name, '--data-dir', this.dataDir(name), ...args]
    return this.#launch(options, 'run')
  }

  async start(name: string, ...args: readonly string[]): Promise<Member> {
    const peer = this.launch(name, ...args)
    return { name, dataDir: this.dataDir(name), peer, client: await peer.client() }
  }

  /** As on another machine: it finds nobody by itself. Not waited for. */
  launchAway(name: string, ...args: readonly string[]): PeerProcess {
    const options = ['--name', name, '--data-dir', this.dataDir(name), ...args]
    return this.#launch(options, `run-of-${name}`)
  }

  /** As on another machine. */
  async startAway(name: string, ...args: readonly string[]): Promise<Member> {
    const peer = this.launchAway(name, ...args)
    return { name, dataDir: this.dataDir(name), peer, client: await peer.client() }
  }

  async startThree(a: string, b: string, c: string): Promise<[Member, Member, Member]> {
    return await Promise.all([this.start(a), this.start(b), this.start(c)])
  }

  async end(peer: PeerProcess, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await peer.end(signal)
    this.#running.delete(peer)
    this.#said.push(...peer.lines)
  }

  /** Alarms of all processes, those that have ended too. */
  alarms(): readonly string[] {
    return [...this.#said, ...[...this.#running].flatMap(({ lines }) => lines)].flatMap(alarmIn)
  }

  #launch(args: readonly string[], runtimeDir: string): PeerProcess {
    const peer = new PeerProcess({ runtimeDir: join(this.directory, runtimeDir), args })
    this.#running.add(peer)
    return peer
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#running].map((peer) => peer.end('SIGKILL')))
    await rm(this.directory, { recursive: true, force: true })
  }
}

/** Reasons of the alarms that a process has told. */
export function alarms(peer: PeerProcess): readonly string[] {
  return peer.lines.flatMap(alarmIn)
}

function alarmIn(line: string): readonly string[] {
  if (!line.includes('"alarm"')) return []
  return [String(JSON.parse(line).reason)]
}

/** Waits until all of them see so many live members and show one digest. */
export async function agreed(members: readonly Member[], alive = members.length): Promise<void> {
  await eventually(
    async () => {
      const states = await Promise.all(members.map(({ client }) => client.status()))
      return states.map((status) => `${status.members.alive} ${status.groups[0]?.digest}`)
    },
    (states) => new Set(states).size === 1 && states[0]?.startsWith(`${alive} `) === true,
  )
}
