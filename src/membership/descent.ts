import { bucketOf, bytesOf } from './buckets.ts'
import { BRANCHES, type Branches, LEAF_HASHES_MAX, LEAVES, type Leaf } from './descent-frames.ts'
import { BUCKET_HASH_BYTES, BUCKETS } from './frame.ts'
import { type Entry, HASH_KINDS, type HashKind, type Table } from './table.ts'

const WORDS = 2
const PARTS = BUCKETS * HASH_KINDS.length

/** Members of one leaf, with a kind: those whose first two key bytes agree modulo 32. */
export function leafOf(kind: HashKind, publicKey: Uint8Array): number {
  const part = HASH_KINDS.indexOf(kind) * BUCKETS + bucketOf(publicKey)
  return part * BRANCHES + ((publicKey[1] ?? 0) % BRANCHES)
}

/** Whether a leaf is of view or of digest hashes. */
export function kindOf(leaf: number): HashKind {
  return leaf < LEAVES / 2 ? 'view' : 'digest'
}

/** One level below buckets: the hashes of all leaves, 8 bytes each, in one pass over the members. */
export function leafHashes(table: Table): Uint8Array {
  const words = new Int32Array(LEAVES * WORDS)
  for (const entry of table.entries()) {
    for (const kind of HASH_KINDS) {
      table.addHash(entry, kind, words, leafOf(kind, entry.publicKey) * WORDS)
    }
  }
  return bytesOf(words)
}

/** The branches of parts (buckets of a kind). */
export function branchesOf(table: Table, parts: readonly number[]): readonly Branches[] {
  const all = leafHashes(table)
  const partBytes = BRANCHES * BUCKET_HASH_BYTES
  return parts.map((part) => ({
    part,
    hashes: all.subarray(part * partBytes, (part + 1) * partBytes),
  }))
}

/** Parts by number: buckets of views, then buckets of digests. */
export function differingParts(masks: {
  readonly views: number
  readonly digests: number
}): readonly number[] {
  const parts: number[] = []
  for (let part = 0; part < PARTS; part++) {
    const mask = part < BUCKETS ? masks.views : masks.digests
    if (((mask >>> (part % BUCKETS)) & 1) === 1) parts.push(part)
  }
  return parts
}

/** The leaves whose hashes are others here. */
export function differingLeaves(table: Table, theirs: readonly Branches[]): ReadonlySet<number> {
  const ours = leafHashes(table)
  const differing = new Set<number>()
  for (const { part, hashes } of theirs) {
    for (let branch = 0; branch < BRANCHES; branch++) {
      const leaf = part * BRANCHES + branch
      if (!equalHashes(ours, leaf, hashes, branch)) differing.add(leaf)
    }
  }
  return differing
}

/** What is held here under these leaves. */
export function membersOf(
  table: Table,
  leaves: ReadonlySet<number>,
): ReadonlyMap<number, LeafMembers> {
  const found = new Map<number, LeafMembers>()
  for (const leaf of leaves) found.set(leaf, new LeafMembers(leaf))
  for (const entry of table.entries()) {
    for (const kind of HASH_KINDS) {
      found.get(leafOf(kind, entry.publicKey))?.add(table, entry)
    }
  }
  return found
}

/** The members of one leaf with their hashes. */
export class LeafMembers {
  readonly leaf: number
  readonly #entries = new Map<string, Entry>()

  constructor(leaf: number) {
    this.leaf = leaf
  }

  add(table: Table, entry: Entry): void {
    const words = new Int32Array(WORDS)
    table.addHash(entry, kindOf(this.leaf), words, 0)
    // A member that told no digest has none to compare.
    if (words[0] !== 0 || words[1] !== 0) this.#entries.set(keyOf(bytesOf(words), 0), entry)
  }

  /** As told to others; what is too much for one leaf is left out, and so will be told to us again. */
  told(): Leaf {
    const keys = [...this.#entries.keys()].slice(0, LEAF_HASHES_MAX)
    const hashes = new Uint8Array(keys.length * BUCKET_HASH_BYTES)
    for (const [at, key] of keys.entries()) {
      for (let i = 0; i < BUCKET_HASH_BYTES; i++) {
        hashes[at * BUCKET_HASH_BYTES + i] = key.charCodeAt(i)
      }
    }
    return { leaf: this.leaf, hashes }
  }

  /** Who is missing or another among theirs, and whether they have somebody we do not. */
  compare(theirs: Uint8Array): { readonly lacking: readonly Entry[]; readonly isBehind: boolean } {
    const told = new Set<string>()
    for (let at = 0; at < theirs.length; at += BUCKET_HASH_BYTES) told.add(keyOf(theirs, at))
    const lacking: Entry[] = []
    for (const [key, entry] of this.#entries) if (!told.delete(key)) lacking.push(entry)
    return { lacking, isBehind: told.size > 0 }
  }
}

/** Eight bytes as a text, for maps. */
function keyOf(bytes: Uint8Array, at: number): string {
  let key = ''
  for (let i = 0; i < BUCKET_HASH_BYTES; i++) key += String.fromCharCode(bytes[at + i] ?? 0)
  return key
}

function equalHashes(a: Uint8Array, atA: number, b: Uint8Array, atB: number): boolean {
  for (let i = 0; i < BUCKET_HASH_BYTES; i++) {
    if (a[atA * BUCKET_HASH_BYTES + i] !== b[atB * BUCKET_HASH_BYTES + i]) return false
  }
  return true
}
