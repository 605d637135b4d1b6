const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}
/** The longest timer that Node.js can arm, 24.8 days; a duration above it cannot be meant. */
export const DURATION_MS_MAX: number = 2 ** 31 - 1

/**
 * Milliseconds of `500ms`, `2s`, `1.5m`, `1h` or `1d`; 0 needs no unit.
 * @throws {RangeError} with the reason, for people
 */
export function parseDuration(text: string, msMax: number = DURATION_MS_MAX): number {
  if (text === '0') return 0
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text)
  if (match === null) throw new RangeError('expected a duration such as 500ms, 2s, 1m or 1h')
  const [, amount, unit] = match
  if (unit === undefined) throw new RangeError(`a unit is missing: write ${text}s or ${text}ms`)
  const ms = Math.round(Number(amount) * (UNIT_MS[unit] ?? 0))
  if (ms > msMax) {
    throw new RangeError(`at most ${Math.floor(msMax / 86_400_000)}d is possible`)
  }
  return ms
}

/** For people: `412 ms`, `1.4 s`, `3m 20s`, `2h 5m`, `4d 1h`. */
export function formatDuration(ms: number): string {
  if (ms < 999.5) return `${Math.round(ms)} ms`
  const seconds = ms / 1000
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${whole % 60}s`
  if (whole < 86_400) return `${Math.floor(whole / 3600)}h ${Math.floor((whole % 3600) / 60)}m`
  return `${Math.floor(whole / 86_400)}d ${Math.floor((whole % 86_400) / 3600)}h`
}

/** How long ago an ISO 8601 instant was, in one unit: `4s`, `12m`, `3h`, `9d`; `-` when it is none. */
export function formatAge(iso: string, now: number): string {
  const then = Date.parse(iso)
  if (Number.isNaN(then)) return '-'
  const seconds = Math.max(0, Math.round((now - then) / 1000))
  if (seconds < 60) return `${seconds}s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h`
  return `${Math.floor(seconds / 86_400)}d`
}

/** For people: `812 B`, `4.2 kB`, `1.3 MB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`
  if (bytes < 999_950) return `${(bytes / 1000).toFixed(1)} kB`
  if (bytes < 999_950_000) return `${(bytes / 1e6).toFixed(1)} MB`
  return `${(bytes / 1e9).toFixed(1)} GB`
}
