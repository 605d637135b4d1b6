import { DecodeError } from '../base/codec.ts'
import type { StoreRow } from '../base/core.ts'
import { stampMillis } from '../base/hybrid-clock.ts'
import type { ReplicaId } from '../base/ids.ts'
import type { RunReader } from '../crdt/run-reader.ts'
import { applyBase } from './adopting.ts'
import { adoptHead, applyItem, checkItem } from './adoption.ts'
import { type BaseItem, decodeItems } from './base.ts'
import type { Group } from './group.ts'
import type { LoggedRun } from './group-log.ts'
import { applyReissue } from './reissue.ts'
import { damaged, parseRow } from './rows.ts'
import { decodeManifest, type Manifest } from './snapshot.ts'

interface Loading {
  readonly group: Group
  manifest: Manifest | undefined
  chunks: number
  snapshotBytes: number
  /** Items of an adopted base whose head has not come yet. */
  items: BaseItem[]
  isBased: boolean
}

/** Brings groups back from the store's rows, which come in key order: snapshots first, then the log. */
export class Loader {
  replica: ReplicaId | undefined
  /** Highest stamp of each writer, and of snapshots. */
  readonly stamps = new Map<ReplicaId | 'snapshot', number>()
  /** Rows of snapshots that were never finished. */
  readonly leftovers: string[] = []
  readonly #groupFor: (name: string) => Group
  readonly #runs: RunReader
  readonly #loading = new Map<string, Loading>()

  constructor(groupFor: (name: string) => Group, runs: RunReader) {
    this.#groupFor = groupFor
    this.#runs = runs
  }

  /** @throws {HearsayError} ERR_STORE when a row is damaged, foreign or out of sequence */
  load(row: StoreRow): void {
    const parsed = parseRow(row)
    if (parsed.type === 'replica') {
      this.replica = parsed.replica
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
        if (parsed.epoch !== loading.manifest?.epoch) this.leftovers.push(row.key)
        else this.#chunk(loading, row.key, parsed.value)
        return
      default:
        this.#base(loading)
        this.#logRow(loading, row, parsed)
    }
  }

  /** After the last row. @throws {HearsayError} ERR_STORE when a snapshot is incomplete */
  end(): void {
    for (const loading of this.#loading.values()) {
      this.#base(loading)
      const { state, log } = loading.group
      for (let i = 0; i < state.replicaCount; i++)
        log.truncateEmpty(i, state.have(i), state.chainOf(i))
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
        items: [],
        isBased: false,
      }
      group.state.recorder = undefined
      this.#loading.set(name, loading)
    }
    return loading
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
    if (loading.chunks !== manifest.chunks) {
      throw damaged(
        `snapshot of group ${group.name}: ${loading.chunks} of ${manifest.chunks} parts`,
      )
    }
    adoptHead(group.state, manifest.head)
    this.stamps.set('snapshot', Math.max(manifest.stamp, this.stamps.get('snapshot') ?? 0))
    group.sequence = manifest.sequence
    group.snapshotBytes = loading.snapshotBytes
  }

  #logRow(loading: Loading, row: StoreRow, parsed: LogRow): void {
    const { group, manifest } = loading
    const { sequence } = parsed
    const isCovered = sequence < (manifest?.sequence ?? 0)
    if (!isCovered && sequence !== group.sequence) {
      throw damaged(`rows before ${row.key} are missing`)
    }
    if (!isCovered) {
      group.sequence = sequence + 1
      group.tailBytes += row.value.length
    }
    const runs: LoggedRun[] = []
    if (parsed.type === 'adopted-items') {
      if (!isCovered) loading.items.push(...parsed.items.map(own))
    } else if (parsed.type === 'adopted-head') {
      if (!isCovered) this.#adopt(loading, row.key, parsed.head)
    } else if (parsed.type === 'reissued' && !isCovered) {
      runs.push(...applyReissue(group, parsed.reissue).issued)
    } else {
      const held = parsed.type === 'reissued' ? parsed.reissue.runs : parsed.runs
      for (const bytes of held) {
        const run = group.restore(bytes)
        if (run === undefined)
          throw damaged(`row ${row.key} is damaged or rows before it are missing`)
        runs.push(run)
        this.stamps.set(run.replica, Math.max(run.stamp, this.stamps.get(run.replica) ?? 0))
      }
    }
    const stamp = runs.reduce((highest, run) => Math.max(highest, run.stamp), 0)
    const at = stampMillis(stamp)
    const rest = parsed.type === 'reissued' ? { reissue: parsed.reissue } : {}
    group.log.addRow({ sequence, runs, bytes: row.value.length, at, ...rest })
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
  { readonly type: 'log' | 'adopted-items' | 'adopted-head' | 'reissued' }
>

function own(item: BaseItem): BaseItem {
  return { ...item, bytes: item.bytes.slice() }
}
