/** How one thing that was looked at is. */
export interface Finding {
  /** What was looked at: stable, for scripts. */
  readonly check: string
  readonly state: 'ok' | 'warning' | 'failure'
  readonly message: string
  /** The next step, one sentence without a period; absent where all is well. */
  readonly hint?: string
}

export function ok(check: string, message: string): Finding {
  return { check, state: 'ok', message }
}

export function warning(check: string, message: string, hint: string): Finding {
  return { check, state: 'warning', message, hint }
}

export function failure(check: string, message: string, hint: string): Finding {
  return { check, state: 'failure', message, hint }
}
