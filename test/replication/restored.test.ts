import { expect, test } from 'vitest'
import type { StoreRow, StoreWrite } from '../../src/base/core.ts'
import type { PeerId } from '../../src/base/ids.ts'
import { seededRandom } from '../../src/base/random.ts'
import type { Operation } from '../../src/crdt/operation.ts'
import { Replication } from '../../src/replication/replication.ts'

const NOW = Date.UTC(2026, 0, 1)
const PEERS = ['a', 'b'] as unknown as readonly [PeerId, PeerId]

/** A replica over rows, without a disk: every commit is durable at once. */
class Replica {
  readonly core: Replication
  readonly rows = new Map<string, Uint8Array>()
  readonly alarms: string[] = []
  readonly sent: Uint8Array[] = []

  constructor(seed: number, rows: readonly StoreRow[] = []) {
    this.core = new Replication({ random: seededRandom(seed), snapshotTailBytes: 4_096 })
    for (const row of rows) this.core.load(row)
    for (const { key, value } of rows) this.rows.set(key, value)
    this.core.start(NOW)
    this.drain()
  }

  write(operation: Operation): void {
    const input = { type: 'transact', request: 1, group: 'main', operations: [operation] } as const
    this.core.handle(input, NOW)
    this.drain()
  }

  drain(): void {
    for (;;) {
      const output = this.core.poll()
      if (output === undefined) {
        if (!this.core.hasUnsaved) return
        this.core.handle({ type: 'flush' }, NOW)
      } else if (output.type === 'persist') this.#persist(output.writes)
      else if (output.type === 'alarm') this.alarms.push(output.reason)
      else if (output.type === 'send') this.sent.push(output.bytes)
    }
  }

  /** What a backup of it holds. */
  backup(): readonly StoreRow[] {
    const rows = [...this.rows].map(([key, value]) => ({ key, value }))
    const shared = rows.filter(({ key }) => key !== 'state!replica')
    return shared.toSorted((a, b) => (a.key < b.key ? -1 : 1))
  }

  get values(): readonly string[] {
    return this.core.view('main').setValues('s')
  }

  #persist(writes: readonly StoreWrite[]): void {
    for (const { key, value } of writes) {
      if (value === undefined) this.rows.delete(key)
      else this.rows.set(key, value)
    }
  }
}

/** Both exchange frames until neither has more to say. */
function meet(a: Replica, b: Replica): void {
  a.core.handle({ type: 'peer-up', peer: PEERS[1] }, NOW)
  b.core.handle({ type: 'peer-up', peer: PEERS[0] }, NOW)
  for (let at = NOW; at < NOW + 5_000; at += 100) {
    for (const [from, to, peer] of [
      [a, b, PEERS[0]],
      [b, a, PEERS[1]],
    ] as const) {
      from.core.handle({ type: 'tick' }, at)
      from.drain()
      for (const bytes of from.sent.splice(0)) to.core.handle({ type: 'frame', peer, bytes }, at)
      to.drain()
    }
  }
}

function add(value: string): Operation {
  return { type: 'set-add', object: 's', values: [value] }
}

test.each([
  ['a log alone', 3],
  ['a snapshot and a log', 500],
])('rows without a replica id (%s) keep all state and get a new id', (_what, count) => {
  const original = new Replica(1)
  for (let i = 0; i < count; i++) original.write(add(`value ${i}`))
  const backup = original.backup()
  const hasSnapshot = backup.some(({ key }) => key.startsWith('state!base!'))
  expect(hasSnapshot).toBe(count > 100)

  const restored = new Replica(2, backup)
  expect(restored.values).toEqual(original.values)
  expect(restored.core.replica).not.toBe(original.core.replica)
  expect(restored.core.status('main').digest).toEqual(original.core.status('main').digest)
  // The id is in the store before anything is written under it.
  expect(restored.rows.has('state!replica')).toBe(true)

  // Both go on; the original has written more since than the backup knows.
  original.write(add('later'))
  restored.write(add('elsewhere'))
  meet(original, restored)
  expect(restored.values).toEqual(original.values)
  expect(restored.values).toEqual(expect.arrayContaining(['later', 'elsewhere', 'value 0']))
  expect(restored.core.status('main').digest).toEqual(original.core.status('main').digest)
  expect([...original.alarms, ...restored.alarms]).toEqual([])

  // A restart of the restored store goes on under its own id.
  const rows = [...restored.rows].map(([key, value]) => ({ key, value }))
  const again = new Replica(
    3,
    rows.toSorted((a, b) => (a.key < b.key ? -1 : 1)),
  )
  expect(again.core.replica).toBe(restored.core.replica)
  expect(again.values).toEqual(restored.values)
})
