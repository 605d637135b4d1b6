import { expect, test } from 'vitest'
import type { NodeEvent } from '../../src/node/node-types.ts'
import { localNode } from './local-node.ts'

test('a node whose identity an older process has stops by itself, and says why', async () => {
  const { node, hub } = localNode()
  const types: NodeEvent['type'][] = []
  const { promise: stopped, resolve } = Promise.withResolvers<void>()
  node.subscribe((event) => {
    types.push(event.type)
    if (event.type === 'stopped') resolve()
  })
  await node.counter('votes').add(3)
  types.length = 0
  hub.emit({ at: 0, type: 'fatal', reason: 'another process', code: 'ERR_IDENTITY' })
  await stopped
  expect(types).toEqual(['fatal', 'stopped'])
  expect(node.counter('votes').value).toBe(3)
  await expect(node.leave()).rejects.toMatchObject({ code: 'ERR_STOPPED' })
})

test('a node whose disk failed goes on reading', async () => {
  const { node, hub } = localNode()
  const types: NodeEvent['type'][] = []
  node.subscribe((event) => types.push(event.type))
  hub.emit({ at: 0, type: 'fatal', reason: 'disk gone', code: 'ERR_STORE' })
  expect((await node.query('ping')).answers).toHaveLength(1)
  expect(types).not.toContain('stopped')
})
