import { DecodeError } from '../../base/codec.ts'
import type { StoreRow, StoreWrite } from '../../base/core.ts'
import { stampMillis } from '../../base/hybrid-clock.ts'
import type { ReplicaId } from '../../base/ids.ts'
import { LiveState } from '../../crdt/live-state.ts'
import { beginLoading, endLoading } from '../../crdt/loading.ts'
import type { RunReader } from '../../crdt/run-reader.ts'
import { applyBase } from '../base/adopting.ts'
import { adoptHead, applyItem, checkItem } from '../base/adoption.ts'
import { type BaseItem, decodeItems } from '../base/base.ts'
import { swap } from '../base/swap.ts'
import type { Group } from '../group/group.ts'
import type { LoggedRun } from '../group/group-log.ts'
import { takeAll, truncateShort } from '../group/log-repair.ts'
import { RunSlabs } from '../group/run-slabs.ts'
import { applyReissue } from '../identity/reissue.ts'
import { HeldRuns } from './held-runs.ts'
import { hold, restore } from './restore.ts'
import { damaged, groupOfRow, logPlace, lostRow, manifestKey, parseRow } from './rows.ts'
import { decodeManifest, type Manifest } from './snapshot.ts'

interface Loading {
  readonly group: Group
  manifest: Manifest | undefined
  chunks: number
  snapshotBytes: number
  /** Set when the snapshot cannot be used. */
  isBaseLost: boolean
  /** Items of an adopted base whose head has not come yet. */
  items: BaseItem[]
  isBased: boolean
  /** Rows of the log are lost: later runs may not follow what is here. */
  hasHole: boolean
  /** Bases that were adopted before this row was written build on what is lost. */
  soundFrom: number
  /** Rows now lost. */
  readonly holes: number[]
  /** The first row of the log. */
  first: number | undefined
  readonly held: HeldRuns
}

/**
 * Brings groups back from the store's rows, which come in key order: snapshots first, then the log.
 *
 * Rows that the disk lost leave a hole. Nothing is built on it: runs that follow it are held until others
 * have given back what it held, and the group is written under a new identity, since our own latest events
 * may be among it.
 */
export class Loader {
  replica: ReplicaId | undefined
  /** Where the rows were last written, if they tell. */
  place: string | undefined
  /** Where the store lies, if that is known. */
  readonly here: string | undefined
  /** Highest stamp of each writer, and of snapshots. */
  readonly stamps: Map<ReplicaId | 'snapshot', number> = new Map()
  /** Rows that are of no use any more, and marks in the place of lost ones. */
  readonly repairs: StoreWrite[] = []
  /** Groups that the disk has lost rows of, for people. */
  readonly losses: Map<Group, string> = new Map()
  readonly #groupFor: (name: string) => Group
  readonly #runs: RunReader
  readonly #slabs = new RunSlabs()
  readonly #loading = new Map<string, Loading>()
  #ending: Iterator<void, void, void> | undefined

  constructor(groupFor: (name: string) => Group, runs: RunReader, here?: string) {
    this.#groupFor = groupFor
    this.#runs = runs
    this.here = here
  }

  /** @throws {HearsayError} ERR_STORE when a row is foreign or contradicts others */
  load(row: StoreRow): void {
    const parsed = parseRow(row)
    if (parsed.type === 'replica') {
      this.replica = parsed.replica
      return
    }
    if (parsed.type === 'place') {
      this.place = parsed.place
      return
    }
    const loading = this.#of(parsed.group)
    const { group } = loading
    switch (parsed.type) {
      case 'writer':
        group.self = parsed.replica
        return
      case 'manifest': {
        const read = decodeManifest(parsed.value)
        if (!read.ok) throw damaged(`row ${row.key}: ${read.reason}`)
        loading.manifest = read.value
        group.epoch = read.value.epoch
        group.chunks = read.value.chunks
        group.coveredBy = read.value.sequence
        return
      }
      case 'chunk':
        group.epoch = Math.max(group.epoch, parsed.epoch)
        if (parsed.epoch !== loading.manifest?.epoch) {
          this.repairs.push({ key: row.key, value: undefined })
        } else if (parsed.index !== loading.chunks) loading.isBaseLost = true
        else this.#chunk(loading, row.key, parsed.value)
        return
      default:
        this.#base(loading)
        this.#logRow(loading, row, parsed)
    }
  }

  /** A row whose bytes the disk changed; after the rows that follow it, or before. */
  damaged(key: string): void {
    const place = logPlace(key)
    const name = place?.group ?? groupOfRow(key)
    if (name === undefined) {
      this.repairs.push({ key, value: undefined })
      return
    }
    const loading = this.#of(name)
    if (place === undefined || place.sequence < loading.group.coveredBy) {
      this.repairs.push({ key, value: undefined })
      if (place === undefined) this.#lost(loading, `row ${key} is damaged`)
      return
    }
    this.#hole(loading, place.sequence)
  }

  /** After the last row. */
  end(): void {
    while (this.endSome());
  }

  /** Does a part of what {@link end} does. @returns whether there is more */
  endSome(): boolean {
    this.#ending ??= this.#end()
    return this.#ending.next().done !== true
  }

  *#end(): Generator<void, void, void> {
    for (const loading of this.#loading.values()) {
      this.#base(loading)
      const { group, held, holes } = loading
      const { state, log } = group
      for (let i = 0; i < state.replicaCount; i++)
        truncateShort(log, i, state.have(i), state.chainOf(i))
      for (const replica of held.writers()) {
        for (const _run of held.after(replica, (bytes) => restore(group, bytes)));
      }
      yield* endLoading(group.state)
      for (const bytes of held.rest()) hold(group, bytes)
      for (const hole of holes) this.repairs.push(lostRow(group.name, hole, group.sequence))
    }
    this.#loading.clear()
  }

  #of(name: string): Loading {
    let loading = this.#loading.get(name)
    if (loading === undefined) {
      const group = this.#groupFor(name)
      loading = {
        group,
        manifest: undefined,
        chunks: 0,
        snapshotBytes: 0,
        isBaseLost: false,
        items: [],
        isBased: false,
        hasHole: false,
        soundFrom: 0,
        holes: [],
        first: undefined,
        held: new HeldRuns(),
      }
      group.state.live.recorder = undefined
      beginLoading(group.state)
      this.#loading.set(name, loading)
    }
    return loading
  }

  #lost(loading: Loading, what: string): void {
    const { group } = loading
    if (!this.losses.has(group)) this.losses.set(group, what)
  }

  /** Rows up to a sequence are lost. */
  #hole(loading: Loading, sequence: number): void {
    const { group, manifest } = loading
    if (manifest !== undefined && sequence < manifest.wholeFrom) this.#dropBase(loading)
    loading.hasHole = true
    loading.soundFrom = Number.POSITIVE_INFINITY
    loading.holes.push(sequence)
    group.sequence = Math.max(group.sequence, sequence + 1)
    this.#lost(loading, `rows of the log up to ${sequence} are lost`)
  }

  #chunk(loading: Loading, key: string, value: Uint8Array): void {
    const { group, manifest } = loading
    const items = decodeItems(value)
    if (!items.ok || manifest === undefined) throw damaged(`row ${key} is damaged`)
    try {
      for (const item of items.value) {
        checkItem(item, manifest.head, this.#runs)
        applyItem(group.state, item, manifest.head, this.#runs)
      }
    } catch (error) {
      if (error instanceof DecodeError) throw damaged(`row ${key}: ${error.message}`)
      throw error
    }
    loading.chunks += 1
    loading.snapshotBytes += value.length
  }

  /** The snapshot is complete when the first other row comes. */
  #base(loading: Loading): void {
    const { group, manifest, isBased } = loading
    if (isBased) return
    loading.isBased = true
    if (manifest === undefined) return
    if (loading.isBaseLost || loading.chunks !== manifest.chunks) {
      this.#dropBase(loading)
      return
    }
    adoptHead(group.state, manifest.head)
    this.stamps.set('snapshot', Math.max(manifest.stamp, this.stamps.get('snapshot') ?? 0))
    group.sequence = manifest.sequence
    group.snapshotBytes = loading.snapshotBytes
  }

  /**
   * Half a snapshot is not a state of any time, nor is one without the rows that were written while it was:
   * the log and others have to do without it.
   */
  #dropBase(loading: Loading): void {
    const { group, held } = loading
    for (const run of takeAll(group.log)) held.add(run.bytes)
    swap(group, new LiveState(), [], [])
    group.state.live.recorder = undefined
    beginLoading(group.state)
    loading.manifest = undefined
    // Rows before were forgotten because the snapshot covered them.
    if (loading.first !== undefined && loading.first > 1) loading.holes.push(loading.first - 1)
    group.chunks = 0
    group.coveredBy = 0
    this.repairs.push({ key: manifestKey(group.name), value: undefined })
    this.#lost(loading, 'parts of the snapshot are lost')
  }

  #logRow(loading: Loading, row: StoreRow, parsed: LogRow): void {
    const { group, manifest } = loading
    const { sequence } = parsed
    const isCovered = sequence < (manifest?.sequence ?? 0)
    loading.first ??= sequence
    if (parsed.type === 'lost') {
      if (isCovered) {
        this.repairs.push({ key: row.key, value: undefined })
        return
      }
      loading.hasHole = true
      loading.soundFrom = Math.max(loading.soundFrom, parsed.noticedAt)
      group.sequence = sequence + 1
      return
    }
    if (!isCovered) {
      if (sequence !== group.sequence) this.#hole(loading, sequence - 1)
      group.tailBytes += row.value.length
    }
    const runs = this.#runsOf(loading, row.key, parsed, isCovered)
    let stamp = 0
    for (const run of runs) {
      stamp = Math.max(stamp, run.stamp)
      this.stamps.set(run.replica, Math.max(run.stamp, this.stamps.get(run.replica) ?? 0))
    }
    const rest = parsed.type === 'reissued' ? { reissue: parsed.reissue } : {}
    const bytes = row.value.length
    this.#slabs.keep(group, runs)
    group.log.addRow({ sequence, runs: runs.slice(), bytes, at: stampMillis(stamp), ...rest })
    if (!isCovered) for (const { count } of runs) group.tailEvents += count
    if (!isCovered) group.sequence = sequence + 1
  }

  #runsOf(
    loading: Loading,
    key: string,
    parsed: Exclude<LogRow, { readonly type: 'lost' }>,
    isCovered: boolean,
  ): readonly LoggedRun[] {
    const isUsed = !isCovered && parsed.sequence >= loading.soundFrom
    switch (parsed.type) {
      case 'adopted-items':
        if (isUsed) loading.items.push(...parsed.items.map(own))
        return []
      case 'adopted-head':
        if (isUsed) this.#adopt(loading, key, parsed.head)
        return []
      case 'reissued':
        if (!isCovered) return applyReissue(loading.group, parsed.reissue).issued
        return this.#restore(loading, key, parsed.reissue.runs)
      default:
        return this.#restore(loading, key, parsed.runs)
    }
  }

  #restore(loading: Loading, key: string, all: readonly Uint8Array[]): readonly LoggedRun[] {
    const { group, held, hasHole } = loading
    const runs: LoggedRun[] = []
    for (const bytes of all) {
      const run = restore(group, bytes)
      if (run !== undefined) {
        runs.push(run)
        for (const later of held.after(run.replica, (next) => restore(group, next)))
          runs.push(later)
      } else if (!hasHole || !held.add(bytes)) {
        throw damaged(`row ${key} is damaged or rows before it are missing`)
      }
    }
    return runs
  }

  #adopt(loading: Loading, key: string, head: Manifest['head']): void {
    const { group, items } = loading
    loading.items = []
    try {
      for (const item of items) checkItem(item, head, this.#runs)
    } catch (error) {
      if (error instanceof DecodeError) throw damaged(`row ${key}: ${error.message}`)
      throw error
    }
    applyBase(group, head, items, this.#runs)
  }
}

type LogRow = Extract<
  ReturnType<typeof parseRow>,
  { readonly type: 'log' | 'adopted-items' | 'adopted-head' | 'reissued' | 'lost' }
>

function own(item: BaseItem): BaseItem {
  return { ...item, bytes: item.bytes.slice() }
}
