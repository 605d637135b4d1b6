/** Limits of one group, with or without a node; see ReplicationTunables. */
export const GROUP_DEFAULTS: {
  readonly logBytesMax: number
  readonly stagedEventsMax: number
  readonly stagedBytesMax: number
  readonly waitingKillsMax: number
} = {
  logBytesMax: 64 << 20,
  stagedEventsMax: 65_536,
  stagedBytesMax: 16 << 20,
  waitingKillsMax: 1 << 20,
}
