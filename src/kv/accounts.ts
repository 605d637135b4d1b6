import { hex } from '../base/bytes.ts'
import type { DhtRecord } from '../records/record.ts'
import type { KvTunables } from './options.ts'

/** What a record counts as: deletions must stay possible, and chunks of large values are many. */
type AccountKind = 'value' | 'chunk' | 'tombstone'

interface Balance {
  records: number
  bytes: number
}

type Account = Record<AccountKind, Balance>

/** What each author's records take here, against what one author may take. */
export class Accounts {
  readonly #limits: Readonly<Record<AccountKind, Readonly<Balance>>>
  /** By author in hex, which is cheaper than a peer id. */
  readonly #accounts = new Map<string, Account>()

  constructor(tunables: KvTunables) {
    const { authorRecordsMax, authorBytesMax, authorChunksMax, authorChunkBytesMax } = tunables
    this.#limits = {
      value: { records: authorRecordsMax, bytes: authorBytesMax },
      chunk: { records: authorChunksMax, bytes: authorChunkBytesMax },
      tombstone: { records: tunables.authorTombstonesMax, bytes: authorBytesMax },
    }
  }

  add(record: DhtRecord): void {
    const author = hex(record.author)
    const account = this.#accounts.get(author) ?? emptyAccount()
    this.#accounts.set(author, account)
    const balance = account[kindOf(record)]
    balance.records += 1
    balance.bytes += record.bytes.length
  }

  remove(record: DhtRecord): void {
    const author = hex(record.author)
    const account = this.#accounts.get(author)
    if (account === undefined) return
    const balance = account[kindOf(record)]
    balance.records -= 1
    balance.bytes -= record.bytes.length
    const { value, chunk, tombstone } = account
    if (value.records + chunk.records + tombstone.records === 0) this.#accounts.delete(author)
  }

  /** Whether an author would have too much with `record` in the place of `before`. */
  isExceeded(record: DhtRecord, before: DhtRecord | undefined): boolean {
    const kind = kindOf(record)
    const author = hex(record.author)
    const { records, bytes } = this.#accounts.get(author)?.[kind] ?? { records: 0, bytes: 0 }
    const isReplaced =
      before !== undefined && kindOf(before) === kind && hex(before.author) === author
    const recordsAfter = records + (isReplaced ? 0 : 1)
    const bytesAfter = bytes + record.bytes.length - (isReplaced ? before.bytes.length : 0)
    const limit = this.#limits[kind]
    return recordsAfter > limit.records || bytesAfter > limit.bytes
  }
}

function kindOf(record: DhtRecord): AccountKind {
  if (record.value === undefined) return 'tombstone'
  return record.namespace === 'h' ? 'chunk' : 'value'
}

function emptyAccount(): Account {
  const empty = (): Balance => ({ records: 0, bytes: 0 })
  return { value: empty(), chunk: empty(), tombstone: empty() }
}
