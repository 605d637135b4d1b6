import type { PeerId } from '../../src/base/ids.ts'
import type { LinkPort } from '../../src/engine/ports.ts'
import { simulatedAddress } from '../../src/sim/address-book.ts'
import { SignerBook } from '../../src/sim/fake-signer.ts'
import type { Host } from '../../src/sim/host.ts'
import { Network } from '../../src/sim/network.ts'
import { Process } from '../../src/sim/process.ts'
import { World } from '../../src/sim/world.ts'

/** A host with a process that writes down what it is told. */
export interface TestHost {
  readonly host: Host
  readonly peer: PeerId
  readonly log: string[]
  process: Process
  links: LinkPort
}

export interface TestNetwork {
  readonly world: World
  readonly network: Network
  readonly hosts: readonly TestHost[]
  readonly boot: (host: TestHost) => void
  readonly run: (forMs: number) => void
}

/** A network of hosts named a, b, c … whose processes log every call as one line of text. */
export function testNetwork(count: number, seed = 1): TestNetwork {
  const world = new World(seed)
  const network = new Network(world)
  const book = new SignerBook()
  const names = new Map<PeerId, string>()
  const nameOf = (peer: PeerId): string => names.get(peer) ?? '?'
  const boot = (host: TestHost): void => {
    host.process = newProcess(world)
    host.links = network.boot(host.host, host.process)
    host.links.listen({
      linkUp: (peer, { direction, via }) =>
        host.log.push(`up ${nameOf(peer)} ${direction}${via === undefined ? '' : ` via ${via}`}`),
      linkDown: (peer, end) => host.log.push(`down ${nameOf(peer)} ${end}`),
      dialFailed: (peer, end) => host.log.push(`no dial ${nameOf(peer)} ${end}`),
      joinFailed: (address, end) => host.log.push(`no join ${address} ${end}`),
      frame: (peer, _protocol, bytes) => host.log.push(`${nameOf(peer)}: ${bytes.join()}`),
      addresses: (addresses) => host.log.push(`at ${addresses.join()}`),
      dropped: (reason) => host.log.push(`dropped ${reason}`),
    })
  }
  const hosts = Array.from({ length: count }, (_, index): TestHost => {
    const { peerId } = book.create(world.random('key', index))
    const address = simulatedAddress(4001 + index)
    const host = network.addHost({ peer: peerId, address, network: 'sim' })
    names.set(peerId, String.fromCharCode(97 + index))
    const process = newProcess(world)
    const made: TestHost = { host, peer: peerId, log: [], process, links: unbooted }
    boot(made)
    return made
  })
  const run = (forMs: number): void => {
    world.runUntil(world.now + forMs)
  }
  run(1)
  for (const { log } of hosts) log.length = 0
  return { world, network, hosts, boot, run }
}

export function send(from: TestHost, to: TestHost, ...bytes: readonly number[]): boolean {
  return from.links.send({
    peer: to.peer,
    protocol: 'member',
    lane: 'control',
    bytes: Uint8Array.from(bytes),
  })
}

function newProcess(world: World): Process {
  return new Process(world, world.random('process'), (failure) => {
    throw failure
  })
}

const unbooted: LinkPort = {
  listen: () => {},
  dial: () => {},
  join: () => {},
  send: () => false,
  protect: () => {},
  close: () => {},
}
