import { RecordCache } from './membership/record-cache.ts'
import { openNode } from './node/create-node.ts'
import type { HearsayNode, NodeOptions } from './node/node-types.ts'
import { nodejsPlatform } from './node/nodejs-platform.ts'

export type { LibraryMetric } from './adapters/libp2p/library-metrics.ts'
export type { Libp2pExtras } from './adapters/libp2p/options.ts'
export type { BackupHeader, BackupTotals } from './adapters/store/backup-format.ts'
export type { BackupInfo } from './adapters/store/read-backup.ts'
export { checkBackup } from './adapters/store/restore-store.ts'
export type * from './adapters/store/store.ts'
export type { StoreRow, StoreWrite } from './base/core.ts'
export { type ErrorCode, HearsayError, QuorumError } from './base/errors.ts'
export type { PeerId } from './base/ids.ts'
export type * from './node/cast-types.ts'
export type * from './node/dht-types.ts'
export type * from './node/invite-types.ts'
export type * from './node/node-types.ts'
export { type RestoreOptions, restoreBackup } from './node/restore-backup.ts'
export type * from './node/state-types.ts'

/**
 * Starts a node: local profile, memory store and any port unless the options say otherwise.
 *
 * @example
 * await using node = await createNode({ dataDir: './data' })
 * await node.counter('visits').add(1)
 *
 * @throws {HearsayError} ERR_CONFIG, ERR_STORE, ERR_STORE_LOCKED, ERR_STORE_FOREIGN,
 * ERR_STORE_VERSION, ERR_IDENTITY, ERR_INVITE, ERR_LISTEN, ERR_ADDRESS; nothing is left open
 */
export function createNode(options: NodeOptions = {}): Promise<HearsayNode> {
  return openNode(options, nodejsPlatform)
}

/**
 * A {@link createNode} whose nodes share what cannot differ between them: each member's record is verified
 * and held once for all of them, not once by each. For many nodes in one process: labs, tests.
 *
 * @example
 * const start = createNodeStarter()
 * const nodes = await Promise.all(names.map((name) => start({ name })))
 */
export function createNodeStarter(): typeof createNode {
  const caches = new Map<string, RecordCache>()
  const recordsOf = (network: string): RecordCache => {
    const records = caches.get(network) ?? new RecordCache(network)
    caches.set(network, records)
    return records
  }
  return (options = {}) => openNode(options, { ...nodejsPlatform, recordsOf })
}
