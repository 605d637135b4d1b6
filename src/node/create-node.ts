import { soon, unref } from '../adapters/common/timers.ts'
import { createFaultyLinks } from '../adapters/faults/faulty-links.ts'
import type { Host } from '../adapters/libp2p/host.ts'
import { parseJoinAddress } from '../adapters/libp2p/join-address.ts'
import { verifiedAhead } from '../adapters/platform/ahead-links.ts'
import { createGroupCommit } from '../adapters/store/group-commit.ts'
import { watchSpace } from '../adapters/store/space-guard.ts'
import type { Store } from '../adapters/store/store.ts'
import type { PeerId } from '../base/ids.ts'
import { parsePeerId } from '../base/peer-id.ts'
import type { Random } from '../base/random.ts'
import { Driver } from '../engine/driver.ts'
import { keptWrites } from '../engine/observers.ts'
import type { LinkPort } from '../engine/ports.ts'
import { Backups } from './backups.ts'
import { ChangeFeed } from './change-feed.ts'
import { Closers } from './closers.ts'
import { EarlyEvents } from './early-events.ts'
import { EventHub } from './event-hub.ts'
import type { InviteDesk } from './invite-desk.ts'
import { LateLinks } from './late-links.ts'
import { loadStore } from './load-store.ts'
import { MemberHistory } from './member-history.ts'
import { Networking } from './networking.ts'
import { Node } from './node.ts'
import { nodeEvent } from './node-event.ts'
import { type CheckedOptions, checkNodeOptions } from './node-options.ts'
import type { Chaos, HearsayNode, NodeEvent, NodeOptions } from './node-types.ts'
import { accessOf, invitesOf, loadedBoth, openInvites } from './open-invites.ts'
import type { Platform } from './platform.ts'
import { Questions } from './questions.ts'
import { Acks } from './replicated.ts'
import { createSearches, newestOf } from './searches.ts'
import { isLive, memberName } from './status.ts'
import { createTracing } from './tracing.ts'

const PROTOCOL = { min: 3, max: 3 } as const
/** How often the store's size on disk is read for status. */
const STORE_SIZE_PERIOD_MS = 10_000

/**
 * The composition root: opens store and identity, runs the driver over them, then brings the host, whose
 * modules alone take longer than a store to load: they come last.
 *
 * @throws {HearsayError} ERR_CONFIG, ERR_STORE…, ERR_IDENTITY, ERR_LISTEN, ERR_ADDRESS; whatever was
 * opened is closed again
 */
export async function openNode(options: NodeOptions, platform: Platform): Promise<HearsayNode> {
  const checked = checkNodeOptions(options)
  for (const address of checked.join) parseJoinAddress(address)
  const closers = new Closers()
  try {
    const store = checked.store ?? platform.createStore(checked.dataDir)
    await store.open()
    closers.defer(() => store.close())
    const seed = await identitySeed(checked, platform)
    return await assemble({ checked, platform, store, seed, closers })
  } catch (error) {
    await closers.close()
    throw error
  }
}

interface Assembly {
  readonly checked: CheckedOptions
  readonly platform: Platform
  readonly store: Store
  readonly seed: Uint8Array
  readonly closers: Closers
}

async function assemble(assembly: Assembly): Promise<HearsayNode> {
  const { checked, platform, store, seed, closers } = assembly
  const { network } = checked
  const signer = platform.createSigner(seed)
  const name = checked.name ?? `node-${signer.peerId.slice(-6)}`
  const random = platform.createRandom()
  const guard = await watchSpace(store)
  closers.defer(() => guard.stop())
  const disk = createGroupCommit(store, { isSynced: checked.durability === 'strict', guard })
  let driver: Driver | undefined
  const links = new LateLinks()
  const networking = new Networking(
    () => createNodeHost(assembly, { driver: () => driver, desk }),
    (host) => {
      links.attach(host.links)
      if (driver !== undefined) feed(host, driver)
    },
  )
  closers.defer(() => networking.stop())
  const faults = checked.chaos ? faultyLinks(links, random) : undefined
  const hub = new EventHub((error) => reportObserver(hub, error))
  const events = new EarlyEvents(hub)
  const changes = new ChangeFeed(random)
  const acks = new Acks()
  const questions = new Questions(platform.version)
  const history = new MemberHistory()
  const nameOf = (peer: PeerId): string => memberName(running.engine, peer)
  const clock = platform.createClock()
  const tracing = await createTracing(platform.version)
  const wire = verifiedAhead(faults?.links ?? links, signer)
  const searches = createSearches(() => (faults?.isCut() === true ? undefined : networking.host))
  const running = new Driver({
    ports: { clock, links: tracing?.watched(wire) ?? wire, disk, random, signer, searches },
    network,
    name,
    tags: checked.tags,
    protocol: PROTOCOL,
    replication: checked.replication,
    oneHopMembersMax: checked.oneHopMembersMax,
    isObserver: checked.invite?.capability.role === 'observer',
    place: store.place,
    records: platform.recordsOf?.(network),
    dialLoopback: checked.dialLoopback,
    observe: (event) => {
      if (event.type === 'member') {
        feed(networking.host, running)
        history.note(event.change, running.now())
      }
      if (event.type === 'synced') tracing?.synced(event.peer, event)
      if (event.type === 'link-down') tracing?.unlinked(event.peer)
      if (event.type === 'acked') acks.emit(event.group)
      else if (event.type === 'question') questions.ask(running, event, nameOf)
      else events.emit(nodeEvent(event, running.now(), { changes, nameOf }))
    },
  })
  driver = running
  const alarm = (reason: string): void => events.emit({ at: running.now(), type: 'alarm', reason })
  const desk = openInvites(checked, {
    platform,
    signer,
    disk,
    now: () => running.now(),
    alarm,
    observers: (peers) => {
      running.observers(peers)
      feed(networking.host, running)
    },
  })
  closers.defer(() => running.halt())
  const { tornBytes, damagedRows, alarms } = await loadStore(store, loadedBoth(running, desk))
  desk?.check()
  alarms.forEach(alarm)
  running.start()
  const kept = keptWrites(running.engine)
  if (kept !== undefined) alarm(kept)
  if (checked.join.length > 0) running.join(checked.join)
  const listening = listenWhen(checked, networking)
  if (checked.ready === 'listening') await listening
  else {
    listening.catch((error: unknown) => {
      if (!networking.isEnding) events.emit(offline(error, running.now()))
    })
  }
  const { version } = platform
  const backups = new Backups(store, { name, peerId: signer.peerId, network, version })
  const storeSize = watchStoreSize(store)
  closers.defer(() => storeSize.stop())
  events.release()
  return new Node(
    {
      driver: running,
      name,
      network,
      version,
      replication: checked.replication,
      dataDir: checked.dataDir,
      chaos: faults?.chaos,
      acks,
      questions,
      history,
      tracing,
      listening: () => listening,
      listenAddresses: () => networking.listenAddresses(),
      traffic: () => networking.traffic(),
      invites: invitesOf(desk),
      access: () => accessOf(desk),
      libp2p: () => networking.host?.libp2p,
      libp2pMetrics: async () => (await networking.host?.metrics()) ?? [],
      store: () => ({ bytes: storeSize.bytes, full: running.isFull, tornBytes, damagedRows }),
      backup: (signal) => backups.open(signal),
      close: async () => {
        await disk.idle()
        await closers.close()
      },
      abort: async () => {
        running.halt()
        disk.halt()
        await networking.crash()
        await closers.close()
      },
    },
    hub,
    changes,
  )
}

async function identitySeed(checked: CheckedOptions, platform: Platform): Promise<Uint8Array> {
  if (checked.privateKey !== undefined) return checked.privateKey
  if (checked.dataDir === undefined) return platform.createSeed()
  return await platform.loadIdentity(checked.dataDir)
}

function createNodeHost(
  assembly: Assembly,
  parts: { readonly driver: () => Driver | undefined; readonly desk: InviteDesk | undefined },
): Promise<Host> {
  const { driver, desk } = parts
  const { checked, platform, seed } = assembly
  const { network, networkKey, profile, listen, announce, origins } = checked
  return platform.createHost({
    seed,
    network,
    profile,
    listen,
    announce,
    origins,
    version: platform.version,
    ...(checked.libp2p === undefined ? {} : { extras: checked.libp2p }),
    ...(networkKey === undefined ? {} : { networkKey }),
    ...(desk === undefined ? {} : { invites: desk }),
    records: {
      lookup: (key) => {
        const running = driver()
        return running?.engine.kv.lookup(key, running.now())
      },
      offer: (key, record) =>
        new Promise((resolve) => {
          const running = driver()
          if (running === undefined) resolve('refused')
          running?.request({ type: 'offer', key, record }, (outcome) => {
            const isOffer = outcome.ok && outcome.result.type === 'offer'
            resolve(isOffer ? outcome.result.outcome : 'refused')
          })
        }),
      validate: (key, record) => {
        const running = driver()
        return running?.engine.kv.isSound(key, record, running.now()) === true
      },
      select: (_key, records) => newestOf(records),
    },
  })
}

async function listenWhen(checked: CheckedOptions, networking: Networking): Promise<void> {
  // Loading the host's modules keeps this thread busy: what the node is opened for comes first.
  if (checked.ready === 'loaded') await new Promise<void>((resolve) => soon(resolve))
  await networking.start()
}

function offline(error: unknown, at: number): NodeEvent {
  const why = error instanceof Error ? error.message : String(error)
  return { at, type: 'alarm', reason: `offline: ${why}: nobody can be reached` }
}

/** Kademlia routes over the very members that membership believes in. */
function feed(host: Host | undefined, driver: Driver): void {
  if (host === undefined) return
  const { membership, observers } = driver.engine
  const members: { peer: PeerId; addresses: readonly string[] }[] = []
  for (const member of membership.members()) {
    const isOther = member.peerId !== membership.self.peerId && !observers.has(member.peerId)
    if (isOther && isLive(member)) {
      members.push({ peer: member.peerId, addresses: member.addresses })
    }
  }
  host.feed(members)
}

function faultyLinks(
  inner: LinkPort,
  random: Random,
): { links: LinkPort; chaos: Chaos; isCut: () => boolean } {
  const faulty = createFaultyLinks(inner, { random })
  const chaos: Chaos = {
    block: (peers) => {
      faulty.block(peers.filter((peer) => parsePeerId(peer) !== undefined))
    },
    loss: (share) => faulty.loss(share),
    latency: (ms) => faulty.latency(ms),
    pause: () => faulty.pause(),
    resume: () => faulty.resume(),
    heal: () => faulty.heal(),
  }
  return { links: faulty, chaos, isCut: () => faulty.isCut }
}

/** An observer that throws is dropped and said, so that it cannot stop the node. */
function reportObserver(hub: EventHub, error: unknown): void {
  const reason = `event listener removed, it threw: ${String(error)}`
  hub.emit({ at: Date.now(), type: 'alarm', reason })
}

function watchStoreSize(store: Store): { readonly bytes: number; stop(): void } {
  let bytes = 0
  const read = (): void => {
    store.bytes().then(
      (size) => {
        bytes = size
      },
      // The size is a gauge: a store that cannot tell it will fail at its next commit, loudly.
      () => {},
    )
  }
  read()
  const timer = setInterval(read, STORE_SIZE_PERIOD_MS)
  unref(timer)
  return {
    get bytes() {
      return bytes
    },
    stop: () => clearInterval(timer),
  }
}
