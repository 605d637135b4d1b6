import type { StreamedEvent } from '../http/shapes.ts'
import { STATE_STYLES } from './member-style.ts'
import { type Painter, printable } from './text.ts'

/** Characters of a payload that one line shows. */
const PAYLOAD_SHOWN_MAX = 60

/** One line about what happened to members; undefined for everything else. */
export function describeEvent(event: StreamedEvent['event'], paint: Painter): string | undefined {
  const time = paint('dim', new Date(event.at).toISOString().slice(11, 23))
  switch (event.type) {
    case 'member-joined':
      return `${time}  ${paint('bold', printable(event.name))}  ${paint('green', 'joined')}`
    case 'member-changed': {
      const state = paint(STATE_STYLES[event.state] ?? 'red', printable(event.state))
      return `${time}  ${paint('bold', printable(event.name))}  ${state}  ${printable(event.evidence)}`
    }
    case 'broadcast': {
      const payload = event.encoding === 'utf8' ? printable(event.payload) : '(bytes)'
      const shown =
        payload.length > PAYLOAD_SHOWN_MAX ? `${payload.slice(0, PAYLOAD_SHOWN_MAX - 1)}…` : payload
      return `${time}  ${paint('bold', printable(event.from))}  ${paint('cyan', printable(event.name))}  ${shown}`
    }
    case 'alarm':
      return `${time}  ${paint('yellow', 'alarm')}  ${printable(event.reason)}`
    default:
      return undefined
  }
}
