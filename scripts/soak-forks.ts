import { parseArgs } from 'node:util'
import { playForks } from '../test/replication/forks/play.ts'

/*
 * Plays random schedules in which two stores write under one id, see test/replication/forks, until one fails:
 *
 *   npm run soak:forks -- [--from SEED] [--count N] [--short] [--kills]
 *
 * 100,000 from seed 1 unless told otherwise; `--short` with logs that do not reach back, `--kills` with members
 * that remove and replace what others wrote. Exit status: 0 all agreed, 1 one failed, 2 wrong options.
 */

const { values } = parseArgs({
  options: {
    from: { type: 'string', default: '1' },
    count: { type: 'string', default: '100000' },
    short: { type: 'boolean', default: false },
    kills: { type: 'boolean', default: false },
  },
})
const [from, count] = [Number(values.from), Number(values.count)]
if (!Number.isSafeInteger(from) || !Number.isSafeInteger(count)) {
  console.error('Cannot soak: --from and --count are whole numbers')
  process.exit(2)
}
const BATCH = 1_000
let resolved = 0
for (let at = from; at < from + count; at += BATCH) {
  const size = Math.min(BATCH, from + count - at)
  const outcome = playForks(at, size, { isShort: values.short, kills: values.kills })
  resolved += outcome.resolved
  console.error(`${at + size - from} schedules, ${resolved} with histories that met`)
  if (outcome.failure === undefined) continue
  console.error(outcome.failure)
  process.exit(1)
}
