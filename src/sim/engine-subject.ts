import { hex } from '../base/bytes.ts'
import type { StoreRow } from '../base/core.ts'
import { Driver } from '../engine/driver.ts'
import type { Command, Outcome } from '../engine/engine-types.ts'
import type {
  Subject,
  SubjectFactory,
  SubjectMember,
  SubjectOptions,
  SubjectState,
} from './subject.ts'

const GROUP = 'main'
const PROTOCOL_VERSION = 1

/** The production driver over the production engine, as the simulator sees it. */
export const engineSubject: SubjectFactory = (options) => new EngineSubject(options)

class EngineSubject implements Subject {
  readonly #driver: Driver

  constructor(options: SubjectOptions) {
    const { ports, network, name, replication, observe } = options
    this.#driver = new Driver({
      ports,
      network,
      name,
      replication,
      observe,
      protocol: { min: PROTOCOL_VERSION, max: PROTOCOL_VERSION },
      dialLoopback: true,
    })
  }

  load(row: StoreRow): void {
    this.#driver.load(row)
  }

  start(): void {
    this.#driver.start()
  }

  join(addresses: readonly string[]): void {
    this.#driver.join(addresses)
  }

  request(command: Command, done: (outcome: Outcome) => void): void {
    this.#driver.request(command, done)
  }

  halt(): void {
    this.#driver.halt()
  }

  members(): readonly SubjectMember[] {
    const { membership } = this.#driver.engine
    return membership.members().map(({ peerId, epoch, incarnation, state }) => ({
      peer: peerId,
      epoch,
      incarnation,
      state,
    }))
  }

  digest(): string {
    return hex(this.#driver.engine.stateDigest())
  }

  viewHash(): string {
    return hex(this.#driver.engine.membership.viewHash())
  }

  identity(): string {
    return this.#driver.engine.replication.replica
  }

  vector(): ReadonlyMap<string, number> {
    return this.#driver.engine.replication.vector(GROUP)
  }

  state(): SubjectState {
    const view = this.#driver.engine.replication.view(GROUP)
    return {
      counter: (object) => view.counter(object),
      setValues: (object) => view.setValues(object),
      register: (object) => view.register(object).siblings,
      map: (object) => view.map(object),
      text: () => {
        const lines: string[] = []
        for (const { name, type } of view.objects()) {
          const value = type === 'counter' ? String(view.counter(name)) : view[readers[type]](name)
          lines.push(`${type} ${name} ${JSON.stringify(value)}`)
        }
        return lines.join('\n')
      },
    }
  }
}

const readers = { set: 'setValues', register: 'register', map: 'map' } as const
