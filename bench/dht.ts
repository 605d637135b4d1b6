import { type DhtRow, dhtReport } from './dht/report.ts'

/** Nodes in this process. */
const NODES = 32
const NODES_QUICK = 8

/** The DHT beside bare kad-dht and hyperdht, in one run over real sockets of this process. */
export function dhtBench(isQuick: boolean): Promise<readonly DhtRow[]> {
  return dhtReport(isQuick ? NODES_QUICK : NODES, ({ figure, subject, value, unit }) => {
    console.log(`${figure.padEnd(40)} ${subject.padEnd(9)} ${value} ${unit}`)
  })
}
