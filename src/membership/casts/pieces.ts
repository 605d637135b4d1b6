import { concatBytes } from '../../base/bytes.ts'
import type { Millis } from '../../base/core.ts'
import type { PeerId } from '../../base/ids.ts'
import { earlier } from '../shared.ts'
import { isPiece, type SignedCast } from './cast.ts'
import { type CastContext, dropCast, sendCast } from './cast-context.ts'
import type { CastFrame, CastPlace } from './cast-frame.ts'
import {
  ASSEMBLIES_MAX,
  ASSEMBLY_MS_MAX,
  DUPLICATES_MAX,
  GRAFT_MS,
  PIECE_BYTES,
} from './cast-limits.ts'
import type { CastLink } from './cast-links.ts'
import type { Assembly, Sender, WholeCast } from './sender.ts'

/**
 * Payloads too large to flood, as Plumtree sends them (Leitão et al., SRDS 2007): the heads, flooded
 * over all links, say who has what; the pieces are pushed over eager links only. A link that keeps
 * bringing known pieces is pruned; when pieces stay away the rest is asked for from whoever told the
 * head, and that link is eager again. Each piece is checked against the signed head and passed on at
 * once.
 */
export class Pieces {
  readonly #context: CastContext
  readonly #completed: (assembly: Assembly, payload: Uint8Array, now: Millis) => void
  readonly #assemblies: Set<Assembly> = new Set()

  constructor(
    context: CastContext,
    completed: (assembly: Assembly, payload: Uint8Array, now: Millis) => void,
  ) {
    this.#context = context
    this.#completed = completed
  }

  get size(): number {
    return this.#assemblies.size
  }

  /** A head came: expects its pieces. False when too many are expected already. */
  begin(
    sender: Sender,
    cast: SignedCast,
    options: { readonly from: PeerId; readonly ageMs: Millis; readonly now: Millis },
  ): boolean {
    const { from, ageMs, now } = options
    if (this.#assemblies.size >= ASSEMBLIES_MAX) {
      dropCast(this.#context, 'cast-assemblies-full')
      return false
    }
    const assembly: Assembly = {
      ...{ sender, cast, ageMs, startedAt: now, progressAt: now, asked: 0 },
      pieces: cast.hashes.map(() => undefined),
      missing: cast.hashes.length,
      wantAt: now + GRAFT_MS,
      sources: [from],
    }
    sender.assembling.set(cast.sequence, assembly)
    this.#assemblies.add(assembly)
    return true
  }

  /** Pushes a payload of our own. */
  push(whole: WholeCast): void {
    for (const [index, bytes] of whole.pieces.entries()) {
      this.#forward(whole.sender, whole.cast, { index, bytes })
    }
  }

  heard(
    from: CastLink,
    sender: Sender,
    piece: CastFrame & { readonly type: 'piece' },
    now: Millis,
  ): void {
    if (!from.pieces.take(now)) {
      dropCast(this.#context, 'cast-pieces-rate')
      return
    }
    const assembly = sender.assembling.get(piece.sequence)
    if (piece.epoch !== sender.epoch || assembly === undefined) {
      if (piece.epoch === sender.epoch && sender.has(piece.sequence)) this.#duplicate(from)
      else dropCast(this.#context, 'cast-piece-unasked')
      return
    }
    if (assembly.pieces[piece.index] !== undefined) {
      this.#duplicate(from)
      return
    }
    if (!isPiece(assembly.cast, piece.index, piece.bytes)) {
      dropCast(this.#context, 'cast-piece-forged')
      from.forged(now)
      return
    }
    const bytes = piece.bytes.slice()
    from.duplicates = Math.max(0, from.duplicates - 1)
    assembly.pieces[piece.index] = bytes
    assembly.missing -= 1
    assembly.progressAt = now
    assembly.wantAt = now + GRAFT_MS
    this.#forward(sender, assembly.cast, { index: piece.index, bytes, from: from.peerId })
    if (assembly.missing === 0) this.#complete(assembly, now)
  }

  /** A neighbour lacks pieces: it gets what is here, and is pushed to from now on. */
  grafted(
    to: CastLink,
    sender: Sender,
    graft: CastPlace & { readonly mask: number },
    now: Millis,
  ): void {
    to.isEager = true
    if (graft.epoch !== sender.epoch) return
    const whole = sender.held.get(graft.sequence)
    const assembly = sender.assembling.get(graft.sequence)
    const { cast, pieces } = whole ?? assembly ?? { cast: undefined, pieces: [] }
    if (cast === undefined) return
    for (const [index, bytes] of pieces.entries()) {
      if (bytes === undefined || !isIn(graft.mask, index)) continue
      if (!to.served.take(now, PIECE_BYTES)) {
        dropCast(this.#context, 'cast-serve-rate')
        return
      }
      this.#send(to.peerId, cast, { index, bytes })
    }
  }

  work(now: Millis): void {
    for (const assembly of this.#assemblies) {
      const { sender, cast } = assembly
      if (sender.assembling.get(cast.sequence) !== assembly) this.#assemblies.delete(assembly)
      else if (now - assembly.startedAt >= ASSEMBLY_MS_MAX) {
        this.#assemblies.delete(assembly)
        sender.assembling.delete(cast.sequence)
        dropCast(this.#context, 'cast-incomplete')
      } else if (assembly.wantAt <= now) this.#ask(assembly, now)
    }
  }

  nextDeadline(): Millis | undefined {
    let earliest: Millis | undefined
    for (const { wantAt, startedAt } of this.#assemblies) {
      earliest = earlier(earliest, Math.min(wantAt, startedAt + ASSEMBLY_MS_MAX))
    }
    return earliest
  }

  #complete(assembly: Assembly, now: Millis): void {
    this.#assemblies.delete(assembly)
    assembly.sender.assembling.delete(assembly.cast.sequence)
    const pieces = assembly.pieces.filter((bytes) => bytes !== undefined)
    this.#completed(assembly, concatBytes(pieces), now)
  }

  #duplicate(from: CastLink): void {
    from.duplicates += 1
    if (from.duplicates < DUPLICATES_MAX || from.isPruned) return
    let pushing = 0
    for (const { isPruned } of this.#context.links.all()) if (!isPruned) pushing += 1
    if (pushing < 2) return
    from.isPruned = true
    sendCast(this.#context, from.peerId, { type: 'prune' })
  }

  /** Over every eager link, but where it came from and where it is known to be. */
  #forward(
    sender: Sender,
    cast: SignedCast,
    piece: { readonly index: number; readonly bytes: Uint8Array; readonly from?: PeerId },
  ): void {
    for (const { peerId, isEager } of this.#context.links.flooded(piece.from)) {
      const isThere = (sender.holders.get(peerId)?.highest ?? 0) >= cast.sequence
      if (isEager && !isThere) this.#send(peerId, cast, piece)
    }
  }

  #send(
    peer: PeerId,
    cast: SignedCast,
    piece: { readonly index: number; readonly bytes: Uint8Array },
  ): void {
    const { sender, epoch, sequence } = cast
    const { index, bytes } = piece
    sendCast(this.#context, peer, { type: 'piece', sender, epoch, sequence, index, bytes })
  }

  /** Asks one after the other of those that told the head. */
  #ask(assembly: Assembly, now: Millis): void {
    assembly.wantAt = now + GRAFT_MS
    const open = assembly.sources.flatMap((peer) => this.#context.links.of(peer) ?? [])
    const link = open[assembly.asked % Math.max(1, open.length)]
    assembly.asked += 1
    if (link === undefined) return
    link.isPruned = false
    link.duplicates = 0
    const roundTripMs = link.link.roundTrip.smoothedMs ?? 0
    assembly.wantAt = now + Math.max(GRAFT_MS, 2 * roundTripMs)
    let mask = 0
    for (const [index, bytes] of assembly.pieces.entries()) {
      if (bytes === undefined) mask |= 1 << index
    }
    const { sender, epoch, sequence } = assembly.cast
    sendCast(this.#context, link.peerId, { type: 'graft', sender, epoch, sequence, mask })
  }
}

function isIn(mask: number, index: number): boolean {
  return ((mask >>> index) & 1) === 1
}
