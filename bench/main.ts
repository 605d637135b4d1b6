// Runs the benchmarks named on the command line, or all, and prints a table each.
// Run by `npm run bench -- [state] [dht] [--quick] [--case NAME] [--json FILE]`.

import { writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { dhtBench } from './dht.ts'
import { stateReport } from './state/report.ts'

const NAMES = ['state', 'dht'] as const

const { positionals: wanted, values: options } = parseArgs({
  allowPositionals: true,
  options: {
    /** Smaller counts and fewer rounds. */
    quick: { type: 'boolean', default: false },
    /** Cases of `state` whose name begins so. */
    case: { type: 'string' },
    /** Writes all samples there. */
    json: { type: 'string' },
  },
})
const unknown = wanted.filter((name) => !NAMES.some((known) => known === name))
if (unknown.length > 0) {
  console.error(`Cannot run benchmark ${unknown.join(', ')}: expected ${NAMES.join(', ')}`)
  process.exit(2)
}
const processors = cpus()
const machine = `${processors.length} × ${processors[0]?.model ?? 'processor'}`
console.log(`${machine}, Node.js ${process.version}`)
const results: Record<string, unknown> = {
  machine,
  nodejs: process.version,
  at: new Date().toISOString(),
}
for (const name of wanted.length > 0 ? wanted : NAMES) {
  if (name === 'state') {
    const report = await stateReport(options.quick ? 'quick' : 'full', options.case)
    results.state = report
    if (report.failures.length > 0) process.exitCode = 1
  } else {
    const { bench, close } = await dhtBench()
    await bench.run()
    console.table(bench.table())
    results.dht = bench.table()
    await close()
  }
}
if (options.json !== undefined) {
  await writeFile(options.json, `${JSON.stringify(results, undefined, 2)}\n`)
}
