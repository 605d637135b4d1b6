import { expect, test } from 'vitest'
import { Outbox } from '../../src/base/core.ts'
import type { PeerId } from '../../src/base/ids.ts'
import { Book } from '../../src/membership/book.ts'
import type { MembershipOutput } from '../../src/membership/member.ts'
import { RecordCache } from '../../src/membership/record-cache.ts'
import { type Entry, Table } from '../../src/membership/table.ts'
import { recordOf } from './records.ts'

const NOW = Date.UTC(2026, 0, 1)

/** What is written of members, once it is written. */
function written(notes: (table: Table, book: Book) => void): ReadonlyMap<string, boolean> {
  const outbox = new Outbox<MembershipOutput>()
  const book = new Book(outbox)
  notes(new Table(new RecordCache('test')), book)
  book.work(book.nextDeadline() ?? NOW)
  const rows = new Map<string, boolean>()
  for (let output = outbox.shift(); output !== undefined; output = outbox.shift()) {
    if (output.type !== 'persist') continue
    for (const { key, value } of output.writes) rows.set(key, value !== undefined)
  }
  return rows
}

const rowOf = (peer: PeerId): string => `member!book!${peer}`

test('the book holds whom one can dial, and strikes out who left or cannot be dialled any more', () => {
  const entries: Entry[] = []
  const rows = written((table, book) => {
    for (const number of [1, 2, 3]) entries.push(table.add(recordOf(number), NOW))
    const page = table.add(recordOf(4, { addresses: [] }), NOW)
    for (const entry of [...entries, page]) book.note(entry, NOW)
    expect([...book.peers.keys()]).toEqual(entries.map(({ peerId }) => peerId))
    const [gone, hidden] = entries
    if (gone === undefined || hidden === undefined) throw new Error('no entries')
    table.setState(gone, 'left', NOW)
    book.note(gone, NOW)
    const record = recordOf(2, { incarnation: 1, addresses: [] })
    table.setClaims(hidden, { record, accusations: [] })
    book.note(hidden, NOW)
    entries.push(page)
  })
  expect(entries.map(({ peerId }) => rows.get(rowOf(peerId)))).toEqual([
    false,
    false,
    true,
    undefined,
  ])
})
