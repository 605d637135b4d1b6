/** What a process tells of another member. */
export interface MemberEvent {
  readonly at: number
  readonly name: string
  readonly state: string
  readonly evidence: string
}

/** The members' events among lines of `hearsay up --json`, in their order. */
export function memberEvents(lines: readonly string[]): readonly MemberEvent[] {
  return lines.flatMap((line) => {
    if (!line.startsWith('{"event":"member-')) return []
    const { event, at, name, state = 'alive', evidence = '' } = JSON.parse(line)
    return event === 'member-joined' || event === 'member-changed'
      ? [{ at, name, state, evidence }]
      : []
  })
}
