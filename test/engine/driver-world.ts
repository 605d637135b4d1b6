import type { StoreWrite } from '../../src/base/core.ts'
import { sha256 } from '../../src/base/hash.ts'
import type { PeerId } from '../../src/base/ids.ts'
import { peerIdFromPublicKey } from '../../src/base/peer-id.ts'
import { seededRandom } from '../../src/base/random.ts'
import type { Signer } from '../../src/base/signer.ts'
import { Driver } from '../../src/engine/driver.ts'
import type { EngineEvent, Outcome } from '../../src/engine/engine-types.ts'
import type { DiskRoom, LinkListener, OutboundFrame } from '../../src/engine/ports.ts'

const STARTED_AT = Date.UTC(2026, 0, 1)

/** A world of one node whose disk answers only when the test says so. */
export class World {
  readonly frames: OutboundFrame[] = []
  readonly events: EngineEvent[] = []
  readonly commits: { writes: readonly StoreWrite[]; done: (failure?: Error) => void }[] = []
  readonly driver: Driver
  listener: LinkListener | undefined
  wallMs = STARTED_AT
  wake: (() => void) | undefined
  armedAt: number | undefined
  failsToSend = false
  /** Asked by the driver when the disk tells when a turn ends. */
  readonly soon: (() => void)[] = []
  #tellRoom: (room: DiskRoom) => void = () => {}

  /** @param before what happens to the driver before its start */
  constructor(
    options: {
      isFull?: boolean
      seed?: number
      hasTurns?: boolean
      before?: (driver: Driver) => void
    } = {},
  ) {
    const publicKey = new Uint8Array(32).fill(1)
    const signer: Signer = {
      publicKey,
      peerId: peerIdFromPublicKey(publicKey),
      sign: () => new Uint8Array(64),
      verify: () => true,
      sha256,
    }
    this.driver = new Driver({
      ports: {
        clock: {
          now: () => this.wallMs,
          arm: (at, wake) => {
            this.armedAt = at
            this.wake = wake
          },
        },
        links: {
          listen: (listener) => {
            this.listener = listener
          },
          dial: () => {},
          join: () => {},
          send: (frame) => {
            if (this.failsToSend) throw new Error('Broken invariant: unsent')
            this.frames.push(frame)
            return true
          },
          protect: () => {},
          close: () => {},
        },
        disk: {
          watch: (listener) => {
            this.#tellRoom = listener
            return roomOf(options.isFull ?? false)
          },
          ...(options.hasTurns === true
            ? { soon: (ready: () => void) => void this.soon.push(ready) }
            : {}),
          commit: (writes, done) => {
            this.commits.push({ writes, done: (failure) => done(failure) })
          },
        },
        random: seededRandom(options.seed ?? 1),
        signer,
      },
      network: 'test',
      name: 'one',
      protocol: { min: 1, max: 1 },
      replication: 5,
      dialLoopback: true,
      observe: (event) => this.events.push(event),
    })
    options.before?.(this.driver)
    this.driver.start()
  }

  setFull(isFull: boolean): void {
    this.#tellRoom(roomOf(isFull))
  }

  get alarms(): readonly string[] {
    return this.events.flatMap((event) => (event.type === 'alarm' ? [event.reason] : []))
  }

  link(): PeerId {
    const peer = peerIdFromPublicKey(new Uint8Array(32).fill(2))
    this.listener?.linkUp(peer, {
      direction: 'inbound',
      remoteAddress: '/ip4/127.0.0.1/tcp/1',
    })
    return peer
  }

  add(object: string): Outcome[] {
    const outcomes: Outcome[] = []
    this.driver.request(
      {
        type: 'transact',
        group: 'main',
        operations: [{ type: 'counter-add', object, amount: 1n }],
      },
      (outcome) => outcomes.push(outcome),
    )
    return outcomes
  }

  /** Lets the oldest unanswered commit become durable. */
  commitNext(failure?: Error): void {
    const commit = this.commits.shift()
    if (commit === undefined) throw new Error('no commit is waiting')
    commit.done(failure)
  }

  commitAll(): void {
    while (this.commits.length > 0) this.commitNext()
  }

  endTurn(): void {
    for (const ready of this.soon.splice(0)) ready()
  }

  frameCount(protocol: string): number {
    return this.frames.filter((frame) => frame.protocol === protocol).length
  }

  tick(ms: number): void {
    this.wallMs += ms
    this.wake?.()
  }
}

function roomOf(isFull: boolean): DiskRoom {
  return { isFull, freeBytes: isFull ? 5 : 20, reserveBytes: 10 }
}
