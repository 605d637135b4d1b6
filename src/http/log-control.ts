export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** What lines of a log are about. */
export const LOG_COMPONENTS = ['members', 'links', 'state', 'dht', 'node'] as const
export type LogComponent = (typeof LOG_COMPONENTS)[number]

/** The least important lines that are written. */
export interface LogLevels {
  readonly level: LogLevel
  /** Those of components that have one of their own. */
  readonly components: Readonly<Partial<Record<LogComponent, LogLevel>>>
}

/** A log whose levels can be changed while it is written. */
export interface LogControl {
  levels(): LogLevels
  /** Of one component, or of all, whatever they had before. */
  setLevel(level: LogLevel, component?: LogComponent): void
}
