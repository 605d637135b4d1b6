import type { StreamedEvent } from '../http/shapes.ts'
import { shown } from './text.ts'

/** Entries kept. */
export const ENTRIES_MAX = 1_000

export const KINDS = ['members', 'state', 'values', 'links', 'lab', 'trouble'] as const
export type Kind = (typeof KINDS)[number]

export interface Entry {
  /** Counts up; the key in lists. */
  readonly number: number
  readonly at: number
  readonly kind: Kind
  /** Whom or what it is about. */
  readonly who: string
  readonly text: string
  /** Place in the node's event stream; empty for what this page did or saw itself. */
  readonly id: string
}

export type NewEntry = Omit<Entry, 'number'>

/** One line about an event; undefined for what other parts of the page show better. */
export function entryOf(
  { id, event }: StreamedEvent,
  nameOf: (peerId: string) => string,
): NewEntry | undefined {
  const entry = (kind: Kind, who: string, text: string): NewEntry => {
    return { at: event.at, id, kind, who, text }
  }
  switch (event.type) {
    case 'member-joined':
      return entry('members', event.name, 'joined')
    case 'member-changed':
      return entry('members', event.name, `${event.state}: ${shown(event.evidence)}`)
    case 'partition-suspected':
      return entry('members', '', `a cut? ${event.failed} of ${event.members} failed at once`)
    case 'link-up':
      return entry('links', nameOf(event.peerId), 'link up')
    case 'link-down':
      return entry('links', nameOf(event.peerId), `link down: ${shown(event.reason)}`)
    case 'join-failed':
      return entry('links', hostOf(event.address), `cannot join: ${shown(event.reason)}`)
    case 'object-changed':
      return entry('state', event.object, changeText(event.diff))
    case 'digest-changed':
      return entry('state', event.group, `state is now ${event.digest.slice(0, 8)}`)
    case 'sync-completed': {
      const text = `synced: ${event.events} events, ${event.bytes} bytes`
      return entry('state', nameOf(event.peerId), text)
    }
    case 'record-stored':
      return entry('values', event.key, 'stored here')
    case 'broadcast': {
      const payload = event.encoding === 'utf8' ? shown(event.payload, 60) : '(bytes)'
      return entry('members', event.from, `says ${shown(event.name, 64)} ${payload}`)
    }
    case 'alarm':
      return entry('trouble', '', shown(event.reason))
    case 'fatal':
      return entry('trouble', '', `${event.code}: ${shown(event.reason)}`)
    case 'stopped':
      return entry('members', '', 'this node has stopped')
    case 'reset':
      return entry('trouble', '', 'events before this are no longer kept')
    case 'digests-changed':
    case 'dropped':
      return undefined
  }
}

type Diff = Extract<StreamedEvent['event'], { readonly type: 'object-changed' }>['diff']

function changeText(diff: Diff): string {
  if (diff === undefined) return 'changed'
  switch (diff.type) {
    case 'counter':
      return `${diff.value} (${diff.delta < 0 ? '' : '+'}${diff.delta})`
    case 'set':
      return listed([
        ...diff.added.map((value) => `+${shown(value, 40)}`),
        ...diff.removed.map((value) => `−${shown(value, 40)}`),
      ])
    case 'register':
      return diff.value === undefined ? 'removed' : shown(JSON.stringify(diff.value), 60)
    case 'map':
      return listed([
        ...diff.set.map(({ path, value }) => {
          return `${shown(path.join('.'), 40)}=${shown(JSON.stringify(value), 40)}`
        }),
        ...diff.removed.map((path) => `−${shown(path.join('.'), 40)}`),
      ])
  }
}

function listed(parts: readonly string[]): string {
  const more = parts.length - 4
  return parts.slice(0, 4).join(' ') + (more > 0 ? ` and ${more} more` : '')
}

/** `127.0.0.1:4001` of a multiaddr; any other text as it is. */
function hostOf(address: string): string {
  const found = /^\/(?:ip4|ip6|dns4?|dns6)\/([^/]+)\/tcp\/(\d+)/.exec(address)
  return found === null ? shown(address) : `${shown(found[1] ?? '')}:${found[2]}`
}
