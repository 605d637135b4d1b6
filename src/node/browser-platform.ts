import packageJson from '../../package.json' with { type: 'json' }
import { createClock, createRandom, createSigner } from '../adapters/platform/browser.ts'
import { createIndexedDbStore, loadIndexedDbSeed } from '../adapters/store/indexed-db-store.ts'
import { createMemoryStore } from '../adapters/store/memory-store.ts'
import type { Platform } from './platform.ts'

const SEED_BYTES = 32

/** Browsers: WebSockets, IndexedDB, Web Cryptography. A data directory is the name of a database there. */
export const browserPlatform: Platform = {
  createStore: (dataDir) =>
    dataDir === undefined ? createMemoryStore() : createIndexedDbStore(dataDir),
  loadIdentity: (dataDir) => loadIndexedDbSeed(dataDir, createSeed),
  createSeed,
  createSigner,
  createClock,
  createRandom,
  createHost: async (options) => {
    const { createHost } = await import('../adapters/libp2p/browser-host.ts')
    return await createHost(options)
  },
  version: packageJson.version,
}

function createSeed(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(SEED_BYTES))
}
