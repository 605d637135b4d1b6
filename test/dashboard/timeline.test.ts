import { describe, expect, test } from 'vitest'
import { timelineAsCsv, timelineAsLines } from '../../src/dashboard/export.ts'
import { Store } from '../../src/dashboard/store.ts'
import { shown } from '../../src/dashboard/text.ts'
import { ENTRIES_MAX, entryOf, type NewEntry } from '../../src/dashboard/timeline.ts'
import type { PeerId } from '../../src/index.ts'

const entry = (who: string, text: string): NewEntry => ({
  ...{ at: Date.UTC(2026, 0, 1), id: '', kind: 'state', who, text },
})

test('shown() makes characters visible that hide or reorder, and cuts what is long', () => {
  expect(shown('eve\u202egnp.exe')).toBe('eve\\u202egnp.exe')
  expect(shown('a\u0000b\nc\u200b')).toBe('a\\x00b\\nc\\u200b')
  expect(shown('x'.repeat(1_000), 10)).toBe(`${'x'.repeat(9)}…`)
  expect(shown('\u202e'.repeat(1_000), 10).length).toBeLessThanOrEqual(10)
})

describe('entryOf()', () => {
  const nameOf = (peerId: string): string => `name of ${peerId}`

  test('says who, what and why', () => {
    const peerId = 'p' as PeerId
    const evidence = 'three say so\u202e'
    const failed = {
      at: 7,
      type: 'member-changed',
      name: 'b',
      peerId,
      state: 'failed',
      evidence,
    } as const
    expect(entryOf({ id: 'e-1', event: failed }, nameOf)).toEqual({
      ...{ at: 7, id: 'e-1', kind: 'members', who: 'b', text: 'failed: three say so\\u202e' },
    })
    const synced = { at: 8, type: 'sync-completed', peerId, bytes: 9, events: 2 } as const
    expect(entryOf({ id: 'e-2', event: synced }, nameOf)).toMatchObject({
      who: 'name of p',
      text: 'synced: 2 events, 9 bytes',
    })
  })

  test('leaves out what the graph shows better', () => {
    expect(entryOf({ id: '', event: { at: 1, type: 'digests-changed' } }, nameOf)).toBeUndefined()
  })
})

test('Store.tell() keeps the latest entries and numbers them through', () => {
  const store = new Store()
  for (let round = 0; round < 3; round++) {
    store.tell(Array.from({ length: ENTRIES_MAX / 2 + 1 }, () => entry('x', 'y')))
  }
  expect(store.state.entries).toHaveLength(ENTRIES_MAX)
  expect(store.state.entries.at(-1)?.number).toBe(3 * (ENTRIES_MAX / 2 + 1))
})

test('exports of the timeline are whole, and safe in a spreadsheet', () => {
  const store = new Store()
  store.tell([entry('=cmd()', 'says "hi"'), entry('b', 'x,y')])
  expect(timelineAsCsv(store.state.entries).split('\r\n')).toEqual([
    'at,kind,who,text',
    `"2026-01-01T00:00:00.000Z","state","'=cmd()","says ""hi"""`,
    '"2026-01-01T00:00:00.000Z","state","b","x,y"',
    '',
  ])
  const lines = timelineAsLines(store.state.entries).trim().split('\n')
  expect(lines.map((line) => JSON.parse(line).who)).toEqual(['=cmd()', 'b'])
})
