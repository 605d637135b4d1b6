import { expect, test } from 'vitest'
import { localNode } from './local-node.ts'

test('counterAt() counts in a map, setAt() collects, registerAt() holds a value', async () => {
  const { node } = localNode()
  const users = node.map('users')
  const visits = users.counterAt(['ada', 'visits'])
  const tags = users.setAt(['ada', 'tags'])
  const name = users.registerAt(['ada', 'name'])
  expect([visits.value, tags.values, name.value]).toEqual([0, [], undefined])
  await visits.add()
  await visits.add(4)
  await visits.add(-2n)
  expect(await tags.add(['poetry', 'maths', 'poetry'])).toBe(2)
  expect(await tags.add('maths')).toBe(0)
  expect(await tags.remove(['maths', 'none'])).toBe(1)
  await name.set('Ada')
  expect([visits.value, tags.values, name.value]).toEqual([3, ['poetry'], 'Ada'])
  expect([tags.has('poetry'), tags.has('maths')]).toEqual([true, false])
  expect(users.value).toEqual({ ada: { name: 'Ada', tags: ['poetry'], visits: 3 } })
  expect(users.at(['ada', 'visits'])).toBe(3)
})

test('a counter in a map is exact beyond 2^53 - 1', async () => {
  const { node } = localNode()
  const leaf = node.map('m').counterAt(['c'])
  for (let i = 0; i < 3; i++) await leaf.add(Number.MAX_SAFE_INTEGER)
  expect(leaf.value).toBe(3n * BigInt(Number.MAX_SAFE_INTEGER))
  expect(node.map('m').value).toEqual({ c: '27021597764222973' })
})

test('writing one kind replaces what was seen of another, and other kinds read as empty', async () => {
  const { node } = localNode()
  const map = node.map('m')
  const counter = map.counterAt(['x'])
  const set = map.setAt(['x'])
  await map.set(['x'], 'text')
  expect([counter.value, set.values]).toEqual([0, []])
  await counter.add(2)
  expect([map.at(['x']), counter.value, set.values]).toEqual([2, 2, []])
  await set.add('a')
  expect([map.at(['x']), counter.value, set.values]).toEqual([['a'], 0, ['a']])
  await map.remove(['x'])
  expect(map.value).toEqual({})
})

test('a transaction writes leaves of all kinds', async () => {
  const { node } = localNode()
  await node.map('m').setAt(['s']).add(['a', 'b'])
  const done = await node.transact((t) => {
    const map = t.map('m')
    map.counterAt(['c']).add(2)
    map.counterAt(['c']).add()
    map.setAt(['s']).add(['b', 'c'])
    map.setAt(['s']).remove('a')
    map.registerAt(['r']).set([1])
  })
  expect(done.results).toEqual(
    [1, 1, 1, 1, 1].map((changed) => ({ name: 'm', type: 'map', changed })),
  )
  expect(node.map('m').value).toEqual({ c: 3, r: [1], s: ['b', 'c'] })
})

test.each([
  ['an empty path', (node: ReturnType<typeof localNode>['node']) => node.map('m').counterAt([])],
  ['a fraction', (node: ReturnType<typeof localNode>['node']) => node.map('m').counterAt(['c'])],
])('counterAt().add() refuses %s', async (what, leaf) => {
  const { node } = localNode()
  await expect(leaf(node).add(what === 'a fraction' ? 0.5 : 1)).rejects.toThrow('Cannot')
  expect(node.objects()).toEqual([])
})

test('setAt() keeps no hold on lists of the caller', async () => {
  const { node } = localNode()
  const path = ['a']
  const values = ['x']
  await node.transact((t) => {
    t.map('m').setAt(path).add(values)
    path[0] = 'b'
    values[0] = 'y'
  })
  expect(node.map('m').value).toEqual({ a: ['x'] })
})
