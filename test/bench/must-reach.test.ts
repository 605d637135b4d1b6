import { describe, expect, test } from 'vitest'
import { aimText } from '../../bench/state/aim.ts'
import type { Row } from '../../bench/state/case.ts'
import { figure } from '../../bench/state/figure.ts'
import { healFigures } from '../../bench/state/heal.ts'
import { hearsay } from '../../bench/state/hearsay.ts'
import { sizeCases } from '../../bench/state/size.ts'
import { syncCases } from '../../bench/state/sync.ts'
import type { Operation } from '../../src/crdt/operation.ts'
import { stateBytes } from '../crdt/allocated.ts'
import { replicaOf } from '../crdt/encoded.ts'
import { Pen } from '../replication/pen.ts'

/*
 * What the bench prints and no clock decides: bytes, round trips, ratios. Each is to reach its aim at the
 * bench's small scale too; none of them grows with the number of elements, but by a byte for longer numbers.
 */

const COUNTED: readonly Row['unit'][] = ['B', 'round trips', 'times']
/** Bench cases whose aims all count something, by how many of them there are. */
const AIMS = {
  snapshot: 4,
  cycles: 1,
  sync: 4,
  'in-sync': 1,
  'one-removal': 4,
  'random-keys': 1,
  truncated: 4,
}
const LONG = { timeout: 120_000 }

/** Each figure with its aim, as a reader of the table sees them. */
function told(label: string, row: Pick<Row, 'unit' | 'better' | 'aim'>, value: number): string {
  const isReached = row.aim !== undefined && value <= row.aim.value
  return `${isReached ? 'holds' : 'fails'}: ${label}: ${figure(value, row.unit)} (${aimText(row)})`
}

describe.each(Object.entries(AIMS))('case %s', (name, aims) => {
  test('reaches its aims of bytes and round trips', LONG, async () => {
    const item = [...sizeCases, ...syncCases].find((one) => one.name === name)
    const outcome = await item?.prepare(hearsay, 'quick')?.()
    const lines = (item?.rows ?? []).flatMap((row, i) => {
      const value = outcome?.values[i]
      const isAimed = row.aim !== undefined && COUNTED.includes(row.unit)
      return isAimed && value !== undefined ? [told(row.label, row, value)] : []
    })
    expect(lines.filter((line) => line.startsWith('fails'))).toEqual([])
    expect(lines).toHaveLength(aims)
  })
})

// At full scale: answers of fewer events do not take several turns.
test('two halves heal within two periods and 1.15 times what was missing', LONG, async () => {
  const lines = (await healFigures('full')).map((one) => told(one.label, one, one.value))
  expect(lines.filter((line) => line.startsWith('fails'))).toEqual([])
  expect(lines).toHaveLength(6)
})

describe('columns, contents and indexes of an element with a key of 16 bytes', () => {
  const BATCH = 1_000
  const SMALL = 100

  function filled(elements: number, setOf: (index: number) => string): Pen {
    const pen = new Pen(replicaOf('a'))
    const batch = setOf(0) === setOf(SMALL) ? BATCH : SMALL
    for (let from = 0; from < elements; from += batch) {
      const values = Array.from({ length: batch }, (_, i) => `${from + i}`.padStart(16, '0'))
      const add: Operation = { type: 'set-add', object: setOf(from), values }
      pen.write(add)
      pen.take()
    }
    return pen
  }

  test('take 48 bytes in one large set', () => {
    const elements = 200_000
    const pen = filled(elements, () => 's')
    expect(pen.view.setSize('s')).toBe(elements)
    expect(stateBytes(pen.group.state) / elements).toBeLessThanOrEqual(48)
  })

  test('take 110 bytes in many small sets', () => {
    const elements = 100_000
    const pen = filled(elements, (index) => `set-${index / SMALL}`)
    expect(pen.view.objects()).toHaveLength(elements / SMALL)
    expect(stateBytes(pen.group.state) / elements).toBeLessThanOrEqual(110)
  })
})
