import { randomBytes } from 'node:crypto'
import packageJson from '../../package.json' with { type: 'json' }
import {
  createClock,
  createRandom,
  createSigner,
  loadIdentity,
} from '../adapters/platform/nodejs.ts'
import { createLevelStore } from '../adapters/store/level-store.ts'
import { createMemoryStore } from '../adapters/store/memory-store.ts'
import type { Platform } from './platform.ts'

/** Node.js: sockets, LevelDB, node:crypto. */
export const nodejsPlatform: Platform = {
  createStore: (dataDir) =>
    dataDir === undefined ? createMemoryStore() : createLevelStore(dataDir),
  loadIdentity,
  createSeed: () => new Uint8Array(randomBytes(32)),
  createSigner,
  createClock,
  createRandom,
  createHost: async (options) => {
    const { createHost } = await import('../adapters/libp2p/nodejs-host.ts')
    return await createHost(options)
  },
  version: packageJson.version,
}
