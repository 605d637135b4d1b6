import { expect, test } from 'vitest'
import { Outbox } from '../../src/base/core.ts'
import { seededRandom } from '../../src/base/random.ts'
import { Book } from '../../src/membership/book.ts'
import { Dialer } from '../../src/membership/dialer.ts'
import type { MembershipOutput } from '../../src/membership/member.ts'
import { DEFAULT_TUNABLES } from '../../src/membership/options.ts'
import type { Outage } from '../../src/membership/outage.ts'
import { RecordCache } from '../../src/membership/record-cache.ts'
import type { Shared } from '../../src/membership/shared.ts'
import { Table } from '../../src/membership/table.ts'
import { recordOf } from './records.ts'

const START = Date.UTC(2026, 0, 1)
const STEP_MS = 50
const MINUTE_MS = 60_000

/** When a failed member is dialled in ten minutes, none of it with success, beside so many pages that are gone. */
function dialTimes(pages: number): readonly number[] {
  const table = new Table(new RecordCache('test'))
  const outbox = new Outbox<MembershipOutput>()
  const shared = {
    table,
    outbox,
    links: new Map(),
    options: { random: seededRandom(1), dialLoopback: true },
    tunables: DEFAULT_TUNABLES,
    pulse: { heardAt: START, lateAt: Number.NEGATIVE_INFINITY },
  } as unknown as Shared
  const self = table.add(recordOf(0), START)
  const lost = table.add(recordOf(1), START)
  table.setState(lost, 'failed', START)
  for (let page = 0; page < pages; page++) {
    const entry = table.add(recordOf(2 + page, { addresses: [] }), START)
    table.setState(entry, 'failed', START)
  }
  const book = new Book(outbox)
  const outage = { isOn: false } as Outage
  const dialer = new Dialer({ shared, book, self: self.peerId, outage, now: START })
  const times: number[] = []
  for (let now = START; now < START + 10 * MINUTE_MS; now += STEP_MS) {
    dialer.reconcile(new Set(), now)
    dialer.work(now)
    for (let output = outbox.shift(); output !== undefined; output = outbox.shift()) {
      if (output.type !== 'link-wanted') continue
      expect(output.peer).toBe(lost.peerId)
      times.push(now - START)
      dialer.failed(output.peer, now)
    }
  }
  return times
}

test('pages that are gone, which nobody can dial, take no turn of members that failed', () => {
  const alone = dialTimes(0)
  expect(alone.length).toBeGreaterThan(20)
  expect(dialTimes(3_000)).toEqual(alone)
})
