import { HearsayError } from './base/errors.ts'
import { browserPlatform } from './node/browser-platform.ts'
import { openNode } from './node/create-node.ts'
import type { HearsayNode, NodeOptions } from './node/node-types.ts'

export type { LibraryMetric } from './adapters/libp2p/library-metrics.ts'
export type { Libp2pExtras } from './adapters/libp2p/options.ts'
export type * from './adapters/store/store.ts'
export type { StoreRow, StoreWrite } from './base/core.ts'
export { type ErrorCode, HearsayError, QuorumError } from './base/errors.ts'
export type { PeerId } from './base/ids.ts'
export type * from './node/cast-types.ts'
export type * from './node/dht-types.ts'
export type * from './node/invite-types.ts'
export type * from './node/node-types.ts'
export type * from './node/state-types.ts'

/**
 * Starts a node in a page. It dials members that listen by WebSocket (`hearsay up --listen …/ws`) and nobody can
 * dial it: it is a member and a replica of the state, and holds no DHT values for others. With `dataDir`, the
 * name of a database, identity and state stay in the browser, for one page at a time; without it, in memory.
 *
 * @example
 * const node = await createNode({ dataDir: 'todo', join: ['ws://127.0.0.1:7401'] })
 * await node.set('todo').add('milk')
 *
 * @throws {HearsayError} ERR_UNSUPPORTED: the page is not secure · ERR_CONFIG, ERR_STORE, ERR_STORE_LOCKED,
 * ERR_STORE_VERSION, ERR_STORE_FULL, ERR_IDENTITY, ERR_INVITE, ERR_LISTEN, ERR_ADDRESS; nothing is left open
 */
export function createNode(options: NodeOptions = {}): Promise<HearsayNode> {
  if (globalThis.isSecureContext === false) return Promise.reject(insecure())
  return openNode({ listen: [], ...options }, browserPlatform)
}

function insecure(): HearsayError {
  return new HearsayError('ERR_UNSUPPORTED', 'Cannot start: this page is not secure', {
    hint: 'Serve it by https or from localhost: only there browsers have the cryptography that links need',
  })
}
