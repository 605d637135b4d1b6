import { describe, expect, test } from 'vitest'
import { createClient } from '../../src/http/client.ts'
import { ApiError } from '../../src/http/transport.ts'
import { BASE, fixture, TOKEN } from './ask.ts'

function clientOf(options: Parameters<typeof fixture>[0] = {}) {
  const { api, node } = fixture(options)
  let dials = 0
  const fetch = (request: Request): Promise<Response> => {
    dials += 1
    return api.fetch(request)
  }
  const client = createClient({ url: BASE, token: TOKEN, fetch })
  return { api, node, client, dials: () => dials }
}

describe('createClient()', () => {
  test('values: put, get, getRaw, delete with any key', async () => {
    const { client } = clientOf()
    for (const key of ['a', 'a/b', 'a b', '☃', '%2F', '?x=1#y', 'a/../b', '...']) {
      expect(await client.get(key)).toBeUndefined()
      expect(await client.getRaw(key)).toBeUndefined()
      expect(
        (await client.put(key, `v ${key}`, { level: 'all', ttlMs: 1000, timeoutMs: 500 })).key,
      ).toBe(key)
      expect(await client.get(key)).toMatchObject({ key, value: `v ${key}` })
      expect((await client.delete(key)).key).toBe(key)
    }
    await client.put('bytes', Uint8Array.of(1, 255))
    expect(await client.getRaw('bytes')).toEqual(Uint8Array.of(1, 255))
  })

  test.each(['.', '..', '\ud800'])('refuses the key %j, which no URL carries', async (key) => {
    const { client } = clientOf()
    await expect(client.put(key, 'v')).rejects.toMatchObject({ code: 'ERR_INVALID' })
  })

  test('objects: change and read every type', async () => {
    const { client } = clientOf()
    expect(await client.change('c', { type: 'counter', op: 'add', value: 2 })).toMatchObject({
      value: 2,
    })
    expect((await client.object('c', { type: 'counter' }))?.value).toBe(2)
    expect(await client.change('s', { type: 'set', op: 'add', values: ['b', 'a'] })).toMatchObject({
      changed: 2,
    })
    expect((await client.object('s', { type: 'set' }))?.values).toEqual(['a', 'b'])
    expect((await client.setHas('s', 'a')).has).toBe(true)
    await client.change('r', { type: 'register', op: 'set', value: [1] }, { group: 'team' })
    expect((await client.object('r', { type: 'register', group: 'team' }))?.siblings).toEqual([[1]])
    await client.change('m', { type: 'map', op: 'set', path: ['a.b', 'c'], value: 1 })
    expect((await client.object('m', { type: 'map', path: ['a.b', 'c'] }))?.value).toBe(1)
    expect(await client.object('m', { path: ['x'] })).toBeUndefined()
    expect(await client.object('none')).toBeUndefined()
    expect((await client.objects({ group: 'team' })).objects).toHaveLength(1)
    expect((await client.objects()).objects).toHaveLength(4)
  })

  test('the node: status, members, converged, join, leave, health', async () => {
    const { client, node, api } = clientOf()
    expect((await client.status()).name).toBe('n0')
    expect((await client.members()).members).toHaveLength(3)
    expect((await client.converged({ timeoutMs: 100 })).converged).toBe(true)
    expect(await client.replicated(2, { group: 'team' })).toMatchObject({
      ...{ replicated: true, wanted: 2, group: 'team' },
    })
    expect((await client.replicated(3, { timeoutMs: 5 })).replicated).toBe(false)
    await client.join(['h:1'])
    expect(node.joined).toEqual(['h:1'])
    expect((await client.leave()).left).toBe(true)
    api.beginShutdown()
    expect((await client.readyz()).ready).toBe(false)
    expect((await client.livez()).live).toBe(true)
    expect((await client.startupz()).started).toBe(true)
  })

  test('chaos reaches the node; without it 403 is an ApiError', async () => {
    const { client, node } = clientOf({ chaos: true })
    await client.chaos({ action: 'loss', share: 0.5 })
    expect(node.faults).toEqual(['loss 0.5'])
    await expect(clientOf().client.chaos({ action: 'heal' })).rejects.toMatchObject({ status: 403 })
    await expect(client.lab()).rejects.toMatchObject({ status: 404 })
  })

  test('an ApiError carries status, code, hint and the problem', async () => {
    const { client, node } = clientOf()
    node.replicas = 0
    const error = await client.put('k', 'v').catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(ApiError)
    expect(error).toMatchObject({
      ...{ status: 503, code: 'ERR_QUORUM', message: 'Cannot store the value' },
      body: { acks: 1, required: 2 },
    })
    expect(error).toHaveProperty('hint', expect.stringContaining('members'))
  })

  test('no answer is ERR_UNREACHABLE with status 0', async () => {
    const client = createClient({ url: 'http://127.0.0.1:1', token: TOKEN })
    await expect(client.status()).rejects.toMatchObject({ status: 0, code: 'ERR_UNREACHABLE' })
  })

  test('an answer that is no problem is still an ApiError', async () => {
    const fetch = async () => new Response('<html>', { status: 502 })
    const client = createClient({ url: BASE, token: TOKEN, fetch })
    await expect(client.status()).rejects.toMatchObject({ status: 502, body: undefined })
  })

  test('aborting rejects with the reason', async () => {
    const { client } = clientOf()
    const signal = AbortSignal.abort(new Error('enough'))
    await expect(client.status({ signal })).rejects.toThrow('enough')
    await expect(client.events({ signal }).next()).rejects.toThrow('enough')
  })
})

describe('events()', () => {
  test('goes on after every cut without losing or repeating one', async () => {
    const { api, node } = fixture()
    let cut = (): void => undefined
    const fetch = async (request: Request): Promise<Response> => {
      const response = await api.fetch(request)
      const reader = response.body?.getReader()
      let isCut = false
      cut = () => {
        isCut = true
        void reader?.cancel()
      }
      const body = new ReadableStream<Uint8Array>({
        pull: async (controller) => {
          const step = await reader?.read()
          if (isCut || step?.value === undefined) controller.error(new Error('cut'))
          else {
            // Byte by byte, so that cuts fall inside events.
            for (const byte of step.value) controller.enqueue(Uint8Array.of(byte))
          }
        },
      })
      return new Response(body, response)
    }
    const client = createClient({ url: BASE, token: TOKEN, fetch })
    const stop = new AbortController()
    const stream = client.events({ signal: stop.signal, types: ['alarm'] })
    const seen: number[] = []
    const first = stream.next()
    await until(() => node.subscribers > 0)
    let next = 0
    const emit = () => node.emit({ at: next, type: 'alarm', reason: String(next++) })
    await until(() => {
      emit()
      return next > 3
    })
    seen.push((await first).value?.event.at ?? -1)
    for (let round = 0; round < 4; round++) {
      emit()
      cut()
      emit()
      while ((seen.at(-1) ?? -1) < next - 1) seen.push((await stream.next()).value?.event.at ?? -1)
    }
    expect(seen).toEqual(
      Array.from({ length: next - (seen[0] ?? 0) }, (_, i) => (seen[0] ?? 0) + i),
    )
    stop.abort(new Error('done'))
    await expect(stream.next()).rejects.toThrow('done')
  })

  test('a refusal ends it', async () => {
    const { api } = fixture()
    const client = createClient({ url: BASE, token: 'wrong', fetch: api.fetch })
    await expect(client.events().next()).rejects.toMatchObject({ status: 401 })
  })
})

/** Waits until a condition holds, a macrotask at a time. */
async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 1000 && !condition(); i++)
    await new Promise((resolve) => setImmediate(resolve))
}
