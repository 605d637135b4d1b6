import type { Host, HostOptions } from '../adapters/libp2p/host.ts'
import type { AheadSigner } from '../adapters/platform/ahead-signer.ts'
import type { Store } from '../adapters/store/store.ts'
import type { Random } from '../base/random.ts'
import type { ClockPort } from '../engine/ports.ts'
import type { RecordCache } from '../membership/record-cache.ts'

/** What differs between Node.js and browsers; the entry files choose. */
export interface Platform {
  /** A durable store for a data directory, or one in memory. */
  createStore(dataDir: string | undefined): Store
  /** The Ed25519 seed kept in a data directory, created on first use. @throws {HearsayError} ERR_IDENTITY */
  loadIdentity(dataDir: string): Promise<Uint8Array>
  /** 32 fresh random bytes. */
  createSeed(): Uint8Array
  createSigner(seed: Uint8Array): AheadSigner
  createClock(): ClockPort
  createRandom(): Random
  createHost(options: HostOptions): Promise<Host>
  /** Where nodes of this process that share their verified records of a network's members keep them. */
  recordsOf?(network: string): RecordCache
  /** Version of this package. */
  readonly version: string
}
