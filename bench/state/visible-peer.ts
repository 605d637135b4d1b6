// One of several nodes: writes elements one by one, or notes when each becomes visible.
// Started by visible.ts: node bench/state/visible-peer.ts NAME [DATADIR]; told what to do by messages.

import { createNode } from '../../src/index.ts'
import { machineMs } from './peer-process.ts'

interface Request {
  readonly type: 'join' | 'members' | 'write' | 'seen'
  readonly addresses?: readonly string[]
  readonly count?: number
  readonly periodMs?: number
}

const [name = 'peer', dataDir] = process.argv.slice(2)
const node = await createNode({ name, ...(dataDir === undefined ? {} : { dataDir }) })
const set = node.set('s')
const seenAt: number[] = []

node.subscribe((event) => {
  if (event.type !== 'object-changed' || event.origin !== 'remote') return
  const at = machineMs()
  // One writer's elements become visible in its order.
  while (set.has(`key-${seenAt.length}`)) seenAt.push(at)
})

async function write(count: number, periodMs: number): Promise<readonly number[]> {
  const writtenAt: number[] = []
  for (let i = 0; i < count; i++) {
    writtenAt.push(machineMs())
    const added = set.add(`key-${i}`)
    await new Promise((resolve) => setTimeout(resolve, periodMs))
    await added
  }
  return writtenAt
}

process.on('message', (request: Request) => {
  switch (request.type) {
    case 'join':
      node.join(request.addresses ?? [])
      break
    case 'members': {
      const alive = node.members.list().filter(({ state }) => state === 'alive').length
      process.send?.({ type: 'members', alive })
      break
    }
    case 'write':
      void write(request.count ?? 0, request.periodMs ?? 0).then((writtenAt) =>
        process.send?.({ type: 'written', writtenAt }),
      )
      break
    case 'seen':
      process.send?.({ type: 'seen', seenAt })
  }
})
process.on('disconnect', () => process.exit(0))
process.send?.({ type: 'ready', listen: node.status().listen })
