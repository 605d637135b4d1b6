import {
  LOG_COMPONENTS,
  LOG_LEVELS,
  type LogComponent,
  type LogControl,
  type LogLevel,
  type LogLevels,
} from '../http/log-control.ts'
import type { NodeEvent } from '../index.ts'
import type { Io } from './io.ts'
import { jsonLine, type Painter, painterOf, printable, type Style } from './text.ts'
import type { LogFormat } from './up-options.ts'

/** One fact for the log. */
interface Line {
  readonly level: LogLevel
  readonly message: string
  /** Lines with the same key come once per quiet period. */
  readonly key?: string
}

/** A repeated fact is told once in this time, so that an idle or troubled node does not fill a disk. */
const QUIET_MS = 60_000
/** Keys remembered; a flood of different ones only costs repeated lines. */
const KEYS_MAX = 1000
const COMPONENT_OF: Readonly<Record<NodeEvent['type'], LogComponent>> = {
  'member-joined': 'members',
  'member-changed': 'members',
  'partition-suspected': 'members',
  'join-failed': 'members',
  broadcast: 'members',
  'link-up': 'links',
  'link-down': 'links',
  dropped: 'links',
  'object-changed': 'state',
  'digest-changed': 'state',
  'digests-changed': 'state',
  'sync-completed': 'state',
  'record-stored': 'dht',
  alarm: 'node',
  fatal: 'node',
  stopped: 'node',
}
const LEVEL_STYLES: Readonly<Record<LogLevel, Style>> = {
  error: 'red',
  warn: 'yellow',
  info: 'green',
  debug: 'dim',
}

/** Tells a node's events on stderr: one line per fact, repeats at most once a minute. */
export class EventLog implements LogControl {
  readonly #io: Io
  readonly #paint: Painter
  #level: LogLevel
  readonly #components: Partial<Record<LogComponent, LogLevel>> = {}
  readonly #format: LogFormat
  readonly #now: () => number
  readonly #toldAt = new Map<string, number>()

  constructor(io: Io, options: { level: LogLevel; format: LogFormat; now: () => number }) {
    this.#io = io
    this.#level = options.level
    this.#format = options.format
    this.#now = options.now
    this.#paint = painterOf(io, io.stderr)
  }

  levels(): LogLevels {
    return { level: this.#level, components: { ...this.#components } }
  }

  setLevel(level: LogLevel, component?: LogComponent): void {
    if (component !== undefined) {
      this.#components[component] = level
      return
    }
    this.#level = level
    for (const name of LOG_COMPONENTS) delete this.#components[name]
  }

  event(event: NodeEvent): void {
    const line = lineOf(event)
    if (line === undefined) return
    const component = COMPONENT_OF[event.type]
    // What is not written is not told: it is news when somebody wants to read it.
    if (!this.#isWanted(line.level, component)) return
    if (line.key !== undefined && !this.#isNew(line.key)) return
    this.write(line.level, component, line.message, event)
  }

  write(level: LogLevel, component: LogComponent, message: string, fields: object = {}): void {
    if (!this.#isWanted(level, component)) return
    const time = new Date(this.#now()).toISOString()
    if (this.#format === 'json') {
      this.#io.stderr.write(`${jsonLine({ time, level, component, message, ...fields })}\n`)
      return
    }
    const clock = this.#paint('dim', time.slice(11, 19))
    const label = this.#paint(LEVEL_STYLES[level], level.padEnd(5))
    this.#io.stderr.write(`${clock} ${label} ${message}\n`)
  }

  #isWanted(level: LogLevel, component: LogComponent): boolean {
    const least = this.#components[component] ?? this.#level
    return LOG_LEVELS.indexOf(level) <= LOG_LEVELS.indexOf(least)
  }

  #isNew(key: string): boolean {
    const now = this.#now()
    if (now - (this.#toldAt.get(key) ?? Number.NEGATIVE_INFINITY) < QUIET_MS) return false
    if (this.#toldAt.size >= KEYS_MAX) this.#toldAt.clear()
    this.#toldAt.set(key, now)
    return true
  }
}

function lineOf(event: NodeEvent): Line | undefined {
  switch (event.type) {
    case 'member-joined':
      return { level: 'info', message: `${printable(event.name)} has joined` }
    case 'member-changed':
      return {
        level: event.state === 'alive' || event.state === 'left' ? 'info' : 'warn',
        message: `${printable(event.name)} is ${event.state}: ${printable(event.evidence)}`,
      }
    case 'partition-suspected':
      return {
        level: 'warn',
        message: `${event.failed} of ${event.members} members failed at once: is the network cut?`,
      }
    case 'join-failed': {
      const address = printable(event.address)
      return {
        level: 'warn',
        message: `cannot join ${address} yet: ${printable(event.reason)}; still trying`,
        key: `join ${address}`,
      }
    }
    case 'broadcast':
      return {
        level: 'info',
        message: `${printable(event.from)} broadcasts ${printable(event.name)}`,
        key: `broadcast ${event.from} ${event.name}`,
      }
    case 'dropped':
      return {
        level: 'warn',
        message: `dropped ${event.count} from others: ${printable(event.reason)}`,
        key: `dropped ${event.reason}`,
      }
    case 'alarm':
      return { level: 'warn', message: printable(event.reason), key: `alarm ${event.reason}` }
    case 'fatal':
      return { level: 'error', message: `${printable(event.reason)} (${event.code})` }
    case 'link-up':
      return {
        level: 'debug',
        message: `link up to ${event.peerId} at ${printable(event.address)}`,
      }
    case 'link-down':
      return { level: 'debug', message: `link down to ${event.peerId}: ${printable(event.reason)}` }
    case 'object-changed':
      return {
        level: 'debug',
        message: `${event.objectType} ${printable(event.object)} changed (${event.origin})`,
      }
    case 'record-stored':
      return { level: 'debug', message: `stored record ${printable(event.key)}` }
    case 'sync-completed':
      return { level: 'debug', message: `synced ${event.events} events with ${event.peerId}` }
    default:
      return undefined
  }
}
