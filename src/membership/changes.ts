import type { PeerId } from '../base/ids.ts'
import type { Member } from './member.ts'
import type { Shared } from './shared.ts'
import { type Entry, isLive } from './table.ts'

/** What one input changed of the view, told to the outside once per member. */
export class Changes {
  readonly #shared: Shared
  /** Members changed since the last emit, with their row before; undefined for new ones. */
  readonly #changes = new Map<PeerId, { before: Member | undefined; evidence: string }>()

  constructor(shared: Shared) {
    this.#shared = shared
  }

  /** Remembers how a member looked before this input; call before changing it. Last evidence wins. */
  note(entry: Entry, before: Member | undefined, evidence: string): void {
    const noted = this.#changes.get(entry.peerId)
    this.#changes.set(entry.peerId, {
      before: noted === undefined ? before : noted.before,
      evidence,
    })
  }

  emit(): void {
    if (this.#changes.size === 0) return
    const { outbox, table } = this.#shared
    for (const [peerId, { before, evidence }] of this.#changes) {
      const entry = table.of(peerId)
      if (entry === undefined) continue
      const member = table.row(entry)
      if (before !== undefined && !isVisibleChange(before, member)) continue
      const kind = before === undefined && isLive(entry) ? 'joined' : 'changed'
      outbox.push({ type: 'member', change: { kind, member, evidence } })
    }
    this.#changes.clear()
  }
}

function isVisibleChange(before: Member, after: Member): boolean {
  return (
    before.state !== after.state ||
    before.epoch !== after.epoch ||
    before.name !== after.name ||
    !equalTexts(before.addresses, after.addresses) ||
    !equalTexts(Object.entries(before.tags).flat(), Object.entries(after.tags).flat())
  )
}

function equalTexts(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, i) => text === b[i])
}
