import { parseArgs } from 'node:util'
import { failureText, playSeeds } from './run.ts'

/*
 * Plays schedules in a process of its own: one line of JSON, exit status 1 when one failed.
 *
 *   node test/replication/fast/main.ts --from 1 --count 1000 [--explain]
 */

const { values } = parseArgs({
  options: {
    from: { type: 'string', default: '1' },
    count: { type: 'string', default: '1000' },
    explain: { type: 'boolean', default: false },
  },
})

const { failure, counts } = playSeeds(Number(values.from), Number(values.count))
const cpuSeconds = process.cpuUsage().user / 1e6
console.log(JSON.stringify({ failure, counts, cpuSeconds }))
if (failure !== undefined && values.explain) console.error(failureText(failure))
process.exitCode = failure === undefined ? 0 : 1
