import { Bench } from 'tinybench'
import { seededRandom } from '../src/base/random.ts'
import type { Operation } from '../src/crdt/operation.ts'
import { Replication } from '../src/replication/replication.ts'

const BATCH = 1_000

/** Replicated state in memory: one transaction per operation, encoded and logged, without a disk. */
export function stateBench(): Bench {
  const bench = new Bench({ name: 'state', time: 1_000, warmupTime: 200 })
  let serial = 0
  let replica = fresh()
  const renew = (): void => {
    replica = fresh()
  }
  bench.add(
    `or-set add, ${BATCH} transactions`,
    () => {
      for (let i = 0; i < BATCH; i++) {
        serial += 1
        run(replica, { type: 'set-add', object: 's', values: [`element-${serial}`] })
      }
    },
    { beforeAll: renew },
  )
  bench.add(
    `counter increment, ${BATCH} transactions`,
    () => {
      for (let i = 0; i < BATCH; i++) {
        run(replica, { type: 'counter-add', object: 'c', amount: 1n })
      }
    },
    { beforeAll: renew },
  )
  bench.add(
    `or-set contains, ${BATCH} reads of 100,000 elements`,
    () => {
      const view = replica.view('main')
      for (let i = 0; i < BATCH; i++) view.setHas('s', `element-${i * 97}`)
    },
    {
      beforeAll: () => {
        renew()
        for (let i = 0; i < 100_000; i++) {
          run(replica, { type: 'set-add', object: 's', values: [`element-${i}`] })
        }
      },
    },
  )
  return bench
}

function fresh(): Replication {
  const replication = new Replication({ random: seededRandom(1) })
  replication.start(Date.UTC(2026, 0, 1))
  drain(replication)
  return replication
}

function run(replication: Replication, operation: Operation): void {
  const now = Date.UTC(2026, 0, 1)
  replication.handle({ type: 'transact', request: 1, group: 'main', operations: [operation] }, now)
  drain(replication)
}

function drain(replication: Replication): void {
  while (replication.poll() !== undefined);
}
