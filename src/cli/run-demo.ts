import { createHttpApi, type HttpApi } from '../http/api.ts'
import { type HttpServer, serveHttp } from '../http/serve.ts'
import type { HearsayNode } from '../index.ts'
import { createLab } from '../lab/lab.ts'
import type { Lab } from '../lab/lab-types.ts'
import { type StoryResult, tellStory } from '../lab/story.ts'
import {
  API_ADDRESS_DEFAULT,
  type ApiAddress,
  hostNames,
  localUrl,
  parseApiAddress,
} from './api-address.ts'
import type { Context } from './context.ts'
import { EXIT } from './errors.ts'
import { nextSteps } from './ready.ts'
import { openRegistry, type Registry } from './registry.ts'
import { newToken } from './run-node.ts'
import { makeRuntimeDir, runtimeDir } from './runtime-dir.ts'
import { StopRequest } from './stop-request.ts'
import { StoryTeller } from './story-teller.ts'

const NETWORK = 'demo'

export interface DemoOptions {
  readonly nodes: number
  /** Ends after the story. */
  readonly isOnce: boolean
  readonly dataDir: string | undefined
}

/** `hearsay demo`: a lab, an API and a registry entry for each of its nodes, and the story. */
export async function runDemo(context: Context, options: DemoOptions): Promise<number> {
  const stop = new StopRequest(context.io)
  try {
    return await Promise.race([play(context, options, stop), stop.forced])
  } finally {
    stop.dispose()
  }
}

async function play(context: Context, options: DemoOptions, stop: StopRequest): Promise<number> {
  const { api } = context.globals
  const address = api === undefined ? API_ADDRESS_DEFAULT : parseApiAddress(api)
  const directory = runtimeDir(context.io.env)
  await makeRuntimeDir(directory)
  const ending = new AbortController()
  let isStopped = false
  const stopped = stop.requested.then(() => {
    isStopped = true
    ending.abort(new Error('stopped'))
  })
  const teller = new StoryTeller(context)
  teller.open(options.nodes)
  const lab = await createLab({
    nodes: options.nodes,
    node: { network: NETWORK },
    ...(options.dataDir === undefined ? {} : { dataDir: options.dataDir }),
  })
  const stage = new Stage({ lab, registry: openRegistry(directory), address, context })
  try {
    await stage.open()
    const result = await tell(lab, teller, ending.signal)
    if (isStopped) {
      // Nobody listens any more: nothing to complain about. Else the story was cut short.
      const isQuiet = context.io.closed.aborted || result?.ok === true
      return isQuiet ? EXIT.ok : EXIT.failure
    }
    if (result !== undefined) teller.close(result)
    if (!options.isOnce) {
      tellWhatNext(context, stage, lab)
      await stopped
    }
    return result === undefined || result.ok ? EXIT.ok : EXIT.failure
  } finally {
    teller.clear()
    await stage.close()
    await lab.stop()
  }
}

/** Tells the story; undefined when there is only one node, about which there is none. */
async function tell(
  lab: Lab,
  teller: StoryTeller,
  signal: AbortSignal,
): Promise<StoryResult | undefined> {
  if (lab.nodes.length < 2) return undefined
  const story = tellStory(lab, { signal })
  for (;;) {
    const { done, value } = await story.next()
    if (done === true) return value
    if (!signal.aborted) teller.step(value)
  }
}

interface Seat {
  readonly api: HttpApi
  readonly server: HttpServer
}

/** Gives every node of a lab its HTTP API and its entry in the registry, and takes both away again. */
class Stage {
  readonly token: string = newToken()
  readonly #lab: Lab
  readonly #registry: Registry
  readonly #address: ApiAddress
  readonly #context: Context
  readonly #seats = new Map<string, Seat>()
  readonly #startedAt = Date.now()
  /** Changes of the registry, one after the other. */
  #registering: Promise<void> = Promise.resolve()
  #unsubscribe: (() => void) | undefined

  constructor(options: {
    readonly lab: Lab
    readonly registry: Registry
    readonly address: ApiAddress
    readonly context: Context
  }) {
    this.#lab = options.lab
    this.#registry = options.registry
    this.#address = options.address
    this.#context = options.context
  }

  /** URL of the first node's API. */
  get url(): string {
    const [first] = this.#seats.values()
    return first === undefined ? '' : localUrl(first.server.url)
  }

  async open(): Promise<void> {
    const [first, ...others] = this.#lab.nodes
    if (first === undefined) return
    const settle = async (node: HearsayNode, address: ApiAddress): Promise<void> => {
      await this.#serve(node, address)
      await this.#register(node)
    }
    // The first has the known port, and is the one that verbs find.
    await settle(first, this.#address)
    await Promise.all(others.map((node) => settle(node, { ...this.#address, port: 0 })))
    this.#unsubscribe = this.#lab.subscribe((event) => {
      if (event.type === 'killed') this.#queue(() => this.#unregister(event.name))
      if (event.type !== 'restarted') return
      const node = this.#lab.running(event.name)
      if (node !== undefined) this.#queue(() => this.#register(node))
    })
  }

  async close(): Promise<void> {
    this.#unsubscribe?.()
    await this.#registering
    for (const name of this.#seats.keys()) await this.#unregister(name)
    await Promise.all([...this.#seats.values()].map(({ server }) => server.close()))
  }

  async #serve(node: HearsayNode, address: ApiAddress): Promise<void> {
    const { name } = node
    const api = createHttpApi(node, {
      token: this.token,
      hosts: hostNames(address.host),
      lab: this.#lab,
      // It has said goodbye: in a demo, where it is no process, that is the end of it.
      onLeave: () => void this.#lab.kill(name).catch((error: unknown) => this.#complain(error)),
      onError: (error) => this.#complain(error),
    })
    this.#seats.set(name, { api, server: await serveHttp(api, address) })
  }

  async #register(node: HearsayNode): Promise<void> {
    const seat = this.#seats.get(node.name)
    if (seat === undefined) return
    const entry = {
      name: node.name,
      peerId: node.peerId,
      pid: process.pid,
      api: localUrl(seat.server.url),
      network: node.network,
      addresses: node.status().listen,
      startedAt: new Date(this.#startedAt).toISOString(),
      chaos: true,
      lab: `demo-${process.pid}`,
    }
    await this.#registry.register(entry, this.token)
  }

  async #unregister(name: string): Promise<void> {
    const peerId = this.#lab.info().nodes.find((node) => node.name === name)?.peerId
    if (peerId !== undefined) await this.#registry.remove({ peerId })
  }

  #queue(change: () => Promise<void>): void {
    this.#registering = this.#registering.then(change).catch((error: unknown) => {
      this.#complain(error)
    })
  }

  #complain(error: unknown): void {
    this.#context.print.note(`note: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function tellWhatNext(context: Context, stage: Stage, lab: Lab): void {
  const { print, io } = context
  if (context.globals.json) return
  const names = lab.names.slice(0, 6)
  const half = Math.floor(names.length / 2)
  const sides = `'${names.slice(0, half).join(',')}|${names.slice(half).join(',')}'`
  print.line(`Still running: ${print.paint('bold', stage.url)}`)
  // The token goes to a person at a terminal only: a log that is kept must not hold it.
  if (io.stdout.isTTY) print.line(`Dashboard:     ${stage.url}/#token=${stage.token}`)
  print.line('')
  print.line('Try, in another terminal:')
  const steps = nextSteps(io.program, [
    ['counter add visits 10', 'write through the first peer'],
    names.length > 1
      ? [`chaos partition ${sides}`, 'cut the network; "chaos heal" mends it']
      : ['status', 'the node in numbers'],
    ['members --watch', 'see who is there, as it changes'],
  ])
  for (const step of steps) {
    print.line(step.replace(/#.*/, (comment) => print.paint('dim', comment)))
  }
  print.line(print.paint('dim', 'Ctrl-C ends the demo.'))
}
