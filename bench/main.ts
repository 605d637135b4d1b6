// Runs the benchmarks named on the command line, or all, and prints a table each.

import { writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { dhtBench } from './dht.ts'
import { membersBench } from './members.ts'
import { serfBench } from './serf.ts'
import { stateCases, stateReport } from './state/report.ts'

const NAMES = ['state', 'dht', 'members', 'serf'] as const
/** Trials of each case beside serf: half a minute each. */
const SERF_TRIALS = { quick: 2, full: 8 }
const USAGE = `Usage: npm run bench -- [${NAMES.join('] [')}] [--quick] [--case NAME] [--json FILE]
  --quick      smaller counts and fewer rounds
  --case NAME  of state, the cases whose name begins so
  --json FILE  writes all samples there`

const { positionals: wanted, values: options } = readArguments()
if (options.help) {
  console.log(USAGE)
  process.exit()
}
const unknown = wanted.filter((name) => !NAMES.some((known) => known === name))
if (unknown.length > 0) refuse(`${unknown.join(', ')} is no benchmark`)
const only = options.case
if (only !== undefined && !stateCases().some((name) => name.startsWith(only))) {
  refuse(`there is no case ${only}, but ${stateCases().join(', ')}`)
}
const processors = cpus()
const machine = `${processors.length} × ${processors[0]?.model ?? 'processor'}`
console.log(`${machine}, Node.js ${process.version}`)
const results: Record<string, unknown> = {
  machine,
  nodejs: process.version,
  at: new Date().toISOString(),
}
// Serf takes minutes and writes into docs: only when it is asked for.
const usual = NAMES.filter((name) => name !== 'serf')
for (const name of wanted.length > 0 ? wanted : usual) {
  if (name === 'state') {
    const report = await stateReport(options.quick ? 'quick' : 'full', only)
    results.state = report
    if (report.failures.length > 0) process.exitCode = 1
  } else if (name === 'members') {
    const figures = await membersBench()
    for (const { label, bytes } of figures) console.log(`${label}: ${bytes.toFixed(0)} B each`)
    results.members = figures
  } else if (name === 'serf') {
    results.serf = await serfBench(options.quick ? SERF_TRIALS.quick : SERF_TRIALS.full)
  } else {
    results.dht = await dhtBench(options.quick)
  }
}
if (options.json !== undefined) {
  await writeFile(options.json, `${JSON.stringify(results, undefined, 2)}\n`)
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        quick: { type: 'boolean', default: false },
        case: { type: 'string' },
        json: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    })
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error))
  }
}

function refuse(reason: string): never {
  console.error(`Cannot run benchmarks: ${reason}\n${USAGE}`)
  process.exit(2)
}
