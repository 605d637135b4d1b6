/** Runs the benchmarks named on the command line, or all, and prints one table each. */
import { cpus } from 'node:os'
import { dhtBench } from './dht.ts'
import { stateBench } from './state.ts'

const NAMES = ['state', 'dht'] as const

const wanted = process.argv.slice(2)
const unknown = wanted.filter((name) => !NAMES.some((known) => known === name))
if (unknown.length > 0) {
  console.error(`Cannot run benchmark ${unknown.join(', ')}: expected ${NAMES.join(', ')}`)
  process.exit(2)
}
const processors = cpus()
console.log(
  `${processors.length} × ${processors[0]?.model ?? 'processor'}, Node.js ${process.version}`,
)
for (const name of wanted.length > 0 ? wanted : NAMES) {
  if (name === 'state') {
    const bench = stateBench()
    await bench.run()
    console.table(bench.table())
  } else {
    const { bench, close } = await dhtBench()
    await bench.run()
    console.table(bench.table())
    await close()
  }
}
