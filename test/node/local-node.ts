import type { StorePage } from '../../src/adapters/store/store.ts'
import type { StoreRow, StoreWrite } from '../../src/base/core.ts'
import { sha256 } from '../../src/base/hash.ts'
import type { PeerId } from '../../src/base/ids.ts'
import { peerIdFromPublicKey } from '../../src/base/peer-id.ts'
import { seededRandom } from '../../src/base/random.ts'
import { Driver } from '../../src/engine/driver.ts'
import type { DiskPort } from '../../src/engine/ports.ts'
import { Backups } from '../../src/node/backups.ts'
import { ChangeFeed } from '../../src/node/change-feed.ts'
import { EventHub } from '../../src/node/event-hub.ts'
import { MemberHistory } from '../../src/node/member-history.ts'
import { Node } from '../../src/node/node.ts'
import { nodeEvent } from '../../src/node/node-event.ts'
import { accessOf, invitesOf } from '../../src/node/open-invites.ts'
import { Questions } from '../../src/node/questions.ts'
import { Acks } from '../../src/node/replicated.ts'
import { memberName } from '../../src/node/status.ts'

/** A disk that has everything durable a moment after it was asked, until it fails. */
class QuickDisk implements DiskPort {
  failure: Error | undefined

  readonly #rows = new Map<string, StoreRow>()

  commit(writes: readonly StoreWrite[], done: (failure: Error | undefined) => void): void {
    if (this.failure === undefined) {
      for (const { key, value } of writes) {
        if (value === undefined) this.#rows.delete(key)
        else this.#rows.set(key, { key, value })
      }
    }
    queueMicrotask(() => done(this.failure))
  }

  async *rows(): AsyncGenerator<StorePage> {
    const rows = [...this.#rows.values()].toSorted((a, b) => (a.key < b.key ? -1 : 1))
    yield { rows, damaged: [] }
  }
}

interface LocalNode {
  readonly node: Node
  readonly disk: QuickDisk
  readonly hub: EventHub
  readonly changes: ChangeFeed
}

/** A node of the production code without network: nobody else, memory that is durable at once. */
export function localNode(seed = 1): LocalNode {
  const disk = new QuickDisk()
  const publicKey = new Uint8Array(32).fill(1)
  const hub = new EventHub((error) => {
    throw error
  })
  const changes = new ChangeFeed(seededRandom([seed, 2]))
  const acks = new Acks()
  const questions = new Questions('0')
  const nameOf = (peer: PeerId): string => memberName(driver.engine, peer)
  const now = Date.UTC(2026, 0, 1)
  const driver = new Driver({
    ports: {
      clock: { now: () => now, arm: () => {} },
      links: {
        listen: () => {},
        dial: () => {},
        join: () => {},
        send: () => false,
        protect: () => {},
        close: () => {},
      },
      disk,
      random: seededRandom([seed, 1]),
      signer: {
        publicKey,
        peerId: peerIdFromPublicKey(publicKey),
        sign: () => new Uint8Array(64),
        verify: () => true,
        sha256,
      },
    },
    network: 'test',
    name: 'one',
    protocol: { min: 1, max: 1 },
    replication: 5,
    dialLoopback: true,
    observe: (event) => {
      if (event.type === 'acked') acks.emit(event.group)
      else if (event.type === 'question') questions.ask(driver, event, nameOf)
      else hub.emit(nodeEvent(event, driver.now(), { changes, nameOf }))
    },
  })
  driver.start()
  const backups = new Backups(
    { rows: () => disk.rows() },
    { name: 'one', peerId: 'peer', network: 'test', version: '0' },
  )
  const node = new Node(
    {
      driver,
      name: 'one',
      network: 'test',
      version: '0',
      replication: 5,
      dataDir: undefined,
      chaos: undefined,
      acks,
      questions,
      history: new MemberHistory(),
      tracing: undefined,
      invites: invitesOf(undefined),
      access: () => accessOf(undefined),
      listening: async () => {},
      listenAddresses: () => [],
      traffic: () => ({ sent: {}, received: {} }),
      libp2p: () => undefined,
      libp2pMetrics: async () => [],
      store: () => ({ bytes: 0, full: driver.isFull, tornBytes: 0, damagedRows: 0 }),
      backup: (signal) => backups.open(signal),
      close: async () => driver.halt(),
      abort: async () => driver.halt(),
    },
    hub,
    changes,
  )
  return { node, disk, hub, changes }
}
