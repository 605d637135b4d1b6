import { describe, expect, it } from 'vitest'
import { createNode, type DhtKey } from '../../src/index.ts'

describe('dht.list() and dht.page()', () => {
  it('tell what this node has written, chunks of large values aside', async () => {
    await using node = await createNode()
    await node.dht.put('small', 'abc')
    await node.dht.put('large', new Uint8Array(200_000))
    await node.dht.put('name', 'x', { own: true })
    await node.dht.put('gone', 'x')
    await node.dht.delete('gone')
    const keys: DhtKey[] = []
    for await (const key of node.dht.list()) keys.push(key)
    const told = keys.map(({ key, kind, bytes }) => `${kind} ${key} ${bytes}`)
    expect(told).toEqual(['shared large 200000', 'shared small 3', 'own name 1'])
    expect(keys[1]?.version).toBe((await node.dht.get('small'))?.version)
    expect(new Date(keys[1]?.expiresAt ?? '').getTime()).toBeGreaterThan(Date.now())
    const first = node.dht.page({ limit: 2 })
    expect(first.keys).toEqual(keys.slice(0, 2))
    const from = first.next ?? ''
    expect(node.dht.page({ from })).toEqual({ keys: keys.slice(2), complete: true })
  })

  it('refuse cursors and limits that are none, and stop when aborted', async () => {
    await using node = await createNode()
    expect(() => node.dht.page({ from: 'x' })).toThrow(TypeError)
    expect(() => node.dht.page({ limit: 0 })).toThrow(RangeError)
    const signal = AbortSignal.abort(new Error('enough'))
    const reading = (async () => {
      for await (const key of node.dht.list({ signal })) throw new Error(`told ${key.key}`)
    })()
    await expect(reading).rejects.toThrow('enough')
  })
})
