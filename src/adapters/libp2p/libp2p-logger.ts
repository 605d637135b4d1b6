import type { ComponentLogger, Logger } from '@libp2p/interface'

const silent: Logger = Object.assign(() => {}, {
  enabled: false,
  error: Object.assign(() => {}, { enabled: false }),
  trace: Object.assign(() => {}, { enabled: false }),
  newScope: () => silent,
})

/**
 * What libp2p logs with, unless somebody asks for its own log by DEBUG: nothing. libp2p makes a logger for every
 * connection, stream and message, and looks at the terminal for each: measured, a twentieth of a handshake.
 *
 * @param debug the environment's DEBUG
 */
export function libp2pLogger(debug: string | undefined): ComponentLogger | undefined {
  return debug === undefined || debug === '' ? { forComponent: () => silent } : undefined
}
