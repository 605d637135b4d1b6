import { describe, expect, test } from 'vitest'
import { EventLog } from '../../src/cli/log.ts'
import type { LogFormat } from '../../src/cli/up-options.ts'
import type { NodeEvent, PeerId } from '../../src/index.ts'
import { ChangeFeed } from '../../src/node/change-feed.ts'
import { nodeEvent } from '../../src/node/node-event.ts'
import { Cluster } from '../../src/sim/cluster.ts'
import { engineSubject } from '../../src/sim/engine-subject.ts'
import { World } from '../../src/sim/world.ts'
import { testIo } from './test-io.ts'

const PEER = 'peer-b' as PeerId
const JOINED: NodeEvent = { at: 1, type: 'member-joined', name: 'b', peerId: PEER }
const LINKED: NodeEvent = { at: 1, type: 'link-up', peerId: PEER, address: '/ip4/127.0.0.1/tcp/1' }
const STORED: NodeEvent = { at: 1, type: 'record-stored', key: 'k', version: '1' }

function newLog(format: LogFormat = 'json', now: () => number = () => 0) {
  const io = testIo()
  const log = new EventLog(io, { level: 'info', format, now })
  const lines = (): readonly string[] => io.err().split('\n').slice(0, -1)
  return { log, lines, kinds: () => lines().map((line) => JSON.parse(line).type) }
}

describe('the log', () => {
  test('as JSON is one object a line, with time, level, component and message', () => {
    const { log, lines } = newLog()
    log.event(JOINED)
    expect(lines().map((line) => JSON.parse(line))).toEqual([
      {
        ...{ time: '1970-01-01T00:00:00.000Z', level: 'info', component: 'members' },
        ...{ message: 'b has joined', at: 1, type: 'member-joined', name: 'b', peerId: PEER },
      },
    ])
  })

  test('changes its level while it is written, of one component or of all', () => {
    const { log, kinds } = newLog()
    for (const event of [LINKED, STORED]) log.event(event)
    expect(kinds()).toEqual([])
    log.setLevel('debug', 'links')
    expect(log.levels()).toEqual({ level: 'info', components: { links: 'debug' } })
    for (const event of [LINKED, STORED]) log.event(event)
    expect(kinds()).toEqual(['link-up'])
    log.setLevel('debug')
    expect(log.levels()).toEqual({ level: 'debug', components: {} })
    for (const event of [LINKED, STORED]) log.event(event)
    expect(kinds()).toEqual(['link-up', 'link-up', 'record-stored'])
    log.setLevel('error', 'members')
    log.event(JOINED)
    expect(kinds()).toHaveLength(3)
  })

  test('tells a repeated fact once a minute, counted from when it was written', () => {
    let now = 0
    const { log, kinds } = newLog('json', () => now)
    const alarm: NodeEvent = { at: 1, type: 'alarm', reason: 'store-full' }
    log.setLevel('error')
    log.event(alarm)
    log.setLevel('info')
    log.event(alarm)
    log.event(alarm)
    expect(kinds()).toEqual(['alarm'])
    now = 60_000
    log.event(alarm)
    expect(kinds()).toEqual(['alarm', 'alarm'])
  })
})

test('an idle node writes at most two lines a minute, and here none', () => {
  const MINUTES = 10
  const world = new World(1)
  const cluster = new Cluster({ world, nodes: 5, subject: engineSubject })
  const { log, lines } = newLog('pretty', () => world.now)
  const changes = new ChangeFeed(world.random('changes'))
  cluster.observe({
    event: (node, event) => {
      if (node.index !== 0 || event.type === 'acked' || event.type === 'question') return
      log.event(nodeEvent(event, world.now, { changes, nameOf: (peer) => peer }))
    },
  })
  cluster.startAll()
  cluster.node(1).subject?.request(
    {
      type: 'transact',
      group: 'main',
      operations: [{ type: 'counter-add', object: 'votes', amount: 1n }],
    },
    () => {},
  )
  world.runUntil(10_000)
  // All have found each other.
  expect(lines()).toHaveLength(4)
  world.runUntil(world.now + MINUTES * 60_000)
  expect(lines()).toHaveLength(4)
})
