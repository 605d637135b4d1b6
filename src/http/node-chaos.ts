import { type Chaos, HearsayError, type HearsayNode, type PeerId } from '../index.ts'
import type { ChaosControl } from '../lab/lab-types.ts'
import { Partition } from '../lab/partition.ts'

/** Faults of one node that was started with `chaos: true`: it cuts, loses and delays its own frames only. */
export function nodeChaos(node: HearsayNode, chaos: Chaos): ChaosControl {
  const own = (name: string): void => {
    if (name === node.name) return
    throw new HearsayError('ERR_UNSUPPORTED', `Cannot reach into another node: ${name}`, {
      hint: 'Ask that node itself, or use "hearsay demo", where one process runs all nodes',
    })
  }
  const inDemoOnly = (action: string): Promise<void> =>
    Promise.reject(
      new HearsayError('ERR_UNSUPPORTED', `Cannot ${action} a node here: it runs on its own`, {
        hint: 'Use "hearsay demo", or end and start the process yourself',
      }),
    )
  return {
    partition: async (sides) => chaos.block(othersOf(node, sides)),
    heal: async () => chaos.heal(),
    loss: async (share) => chaos.loss(share),
    latency: async (ms) => chaos.latency(ms),
    pause: async (name) => {
      own(name)
      chaos.pause()
    },
    resume: async (name) => {
      own(name)
      chaos.resume()
    },
    kill: () => inDemoOnly('kill'),
    restart: () => inDemoOnly('restart'),
  }
}

/** Everybody who is not on this node's side. */
function othersOf(node: HearsayNode, sides: readonly (readonly string[])[]): readonly PeerId[] {
  const members = node.members.list()
  const names = members.map((member) => member.name)
  const partition = new Partition(names, sides)
  return members
    .filter((member) => member.peerId !== node.peerId && partition.isCut(member.name, node.name))
    .map((member) => member.peerId)
}
