import { Bench } from 'tinybench'
import { createLab } from '../src/lab/index.ts'

const NODES = 8
const KEYS = 256

/** Values of the DHT over real loopback sockets and disks, eight nodes in this process. */
export async function dhtBench(): Promise<{ bench: Bench; close(): Promise<void> }> {
  const lab = await createLab({ nodes: NODES })
  await lab.ready({ signal: AbortSignal.timeout(20_000) })
  const [writer, reader] = lab.names.map((name) => lab.node(name))
  if (writer === undefined || reader === undefined) throw new Error('A lab of eight has two nodes')
  let serial = 0
  const bench = new Bench({ name: 'dht', time: 2_000, warmupTime: 500 })
  bench.add('put, quorum of 5, fsync', async () => {
    serial += 1
    await writer.dht.put(`key-${serial % KEYS}`, `value ${serial}`)
  })
  bench.add('get through another node', async () => {
    serial += 1
    await reader.dht.get(`key-${serial % KEYS}`)
  })
  return { bench, close: () => lab.stop() }
}
