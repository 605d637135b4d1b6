import { DecodeError, type Reader, Writer } from '../base/codec.ts'

/** Parts of a bucket. */
export const BRANCHES = 32
/** Leaves of 32 buckets of views, then of 32 buckets of digests. */
export const LEAVES: number = 2 * 32 * BRANCHES
/** Of one leaf: at 10,000 members it has ten. */
export const LEAF_HASHES_MAX = 255
const PARTS = 64
const HASH_BYTES = 8
/** What fits a frame. */
const BRANCHES_PER_FRAME_MAX = 15
const LEAVES_PER_FRAME_MAX = 1_024
/** The type byte, the flag and the count before the leaves. */
const LEAVES_HEAD_BYTES = 4
const LEAF_HEAD_BYTES = 4

/** The hashes of one bucket's branches; buckets of digests are numbered from 32 on. */
export interface Branches {
  readonly part: number
  /** 32 of 8 bytes. */
  readonly hashes: Uint8Array
}

/** The hashes of one leaf's members, 8 bytes each. */
export interface Leaf {
  readonly leaf: number
  readonly hashes: Uint8Array
}

/** As many frames as it takes. */
export function encodeBranches(type: number, all: readonly Branches[]): Uint8Array[] {
  const frames: Uint8Array[] = []
  for (let from = 0; from < all.length; from += BRANCHES_PER_FRAME_MAX) {
    const some = all.slice(from, from + BRANCHES_PER_FRAME_MAX)
    const writer = new Writer(4_096).uint8(type).varint(some.length)
    for (const { part, hashes } of some) writer.uint8(part).raw(hashes)
    frames.push(writer.finish())
  }
  return frames
}

export function readBranches(reader: Reader): readonly Branches[] {
  const count = reader.varint(BRANCHES_PER_FRAME_MAX)
  const all: Branches[] = []
  for (let i = 0; i < count; i++) {
    const part = reader.uint8()
    if (part >= PARTS) throw new DecodeError('unknown part')
    all.push({ part, hashes: reader.raw(BRANCHES * HASH_BYTES) })
  }
  return all
}

/** As many frames as it takes. @param bytesMax of one frame */
export function encodeLeaves(
  type: number,
  options: {
    readonly isReply: boolean
    readonly leaves: readonly Leaf[]
    readonly bytesMax: number
  },
): Uint8Array[] {
  const frames: Uint8Array[] = []
  let some: Leaf[] = []
  let bytes = LEAVES_HEAD_BYTES
  const flush = (): void => {
    const writer = new Writer(bytes)
      .uint8(type)
      .uint8(options.isReply ? 1 : 0)
      .varint(some.length)
    for (const { leaf, hashes } of some) {
      writer
        .uint16(leaf)
        .varint(hashes.length / HASH_BYTES)
        .raw(hashes)
    }
    frames.push(writer.finish())
    some = []
    bytes = LEAVES_HEAD_BYTES
  }
  for (const leaf of options.leaves) {
    const needed = LEAF_HEAD_BYTES + leaf.hashes.length
    const isFull = bytes + needed > options.bytesMax || some.length === LEAVES_PER_FRAME_MAX
    if (isFull) flush()
    some.push(leaf)
    bytes += needed
  }
  if (some.length > 0) flush()
  return frames
}

export function readLeaves(reader: Reader): readonly Leaf[] {
  const count = reader.varint(LEAVES_PER_FRAME_MAX)
  const leaves: Leaf[] = []
  for (let i = 0; i < count; i++) {
    const leaf = reader.uint16()
    if (leaf >= LEAVES) throw new DecodeError('unknown leaf')
    leaves.push({ leaf, hashes: reader.raw(reader.varint(LEAF_HASHES_MAX) * HASH_BYTES) })
  }
  return leaves
}
