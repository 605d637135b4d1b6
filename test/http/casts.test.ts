import { describe, expect, test } from 'vitest'
import type { NodeEvent } from '../../src/index.ts'
import { fixture } from './ask.ts'

describe('POST /v1/broadcasts', () => {
  test('answers id, size and members, and the node tells it as an event', async () => {
    const { ask, node } = fixture()
    const events: NodeEvent[] = []
    node.subscribe((event) => events.push(event))
    const asked = await ask('POST', '/v1/broadcasts', { name: 'deploy', payload: 'v1 ü' })
    expect(asked.status).toBe(200)
    expect(asked.body).toEqual({
      ...{ id: expect.stringMatching(/-1$/), name: 'deploy', bytes: 5, members: 1 },
    })
    expect(events.find(({ type }) => type === 'broadcast')).toMatchObject({
      ...{ id: asked.body.id, name: 'deploy', payload: 'v1 ü', encoding: 'utf8' },
    })
  })

  test('takes bytes as base64 and tells them so', async () => {
    const { ask, node } = fixture()
    const events: NodeEvent[] = []
    node.subscribe((event) => events.push(event))
    const body = { name: 'bytes', payload: '/wAB', encoding: 'base64' }
    expect((await ask('POST', '/v1/broadcasts', body)).body).toMatchObject({ bytes: 3 })
    expect(events.find(({ type }) => type === 'broadcast')).toMatchObject(body)
  })

  test.each([
    [{}, 400],
    [{ name: 1 }, 400],
    [{ name: 'x', payload: 1 }, 400],
    [{ name: 'x', payload: '?', encoding: 'base64' }, 400],
    [{ name: 'x', payload: 'a', encoding: 'hex' }, 400],
    [{ name: '' }, 413],
    [{ name: 'x'.repeat(65) }, 413],
    [{ name: 'x', payload: 'y'.repeat(65_537) }, 413],
  ])('%j is refused with %d', async (body, status) => {
    const { ask } = fixture()
    expect((await ask('POST', '/v1/broadcasts', body)).status).toBe(status)
  })

  test('429 above the node’s own rate', async () => {
    const { ask } = fixture()
    let last = 200
    for (let i = 0; i <= 200; i++) {
      last = (await ask('POST', '/v1/broadcasts', { name: 'x' })).status
    }
    expect(last).toBe(429)
  })
})

describe('POST /v1/queries', () => {
  test('answers what the members said, and who has no handler', async () => {
    const { ask, node } = fixture()
    node.onQuery('echo', ({ payload }) => payload)
    const echoed = await ask('POST', '/v1/queries', { name: 'echo', payload: 'hello' })
    expect(echoed.body).toMatchObject({
      ...{ name: 'echo', silent: [], unhandled: [], failed: [] },
      answers: [{ payload: 'hello', encoding: 'utf8', peerId: expect.any(String) }],
    })
    expect((await ask('POST', '/v1/queries', { name: 'ping' })).body).toMatchObject({
      answers: [{ payload: 'pong' }],
    })
    expect((await ask('POST', '/v1/queries', { name: 'nobody' })).body).toMatchObject({
      ...{ answers: [], unhandled: ['one'] },
    })
  })

  test.each([
    [{ name: 'ping', relayFactor: 'x' }, ''],
    [{ name: 'ping', relayFactor: 4 }, ''],
    [{ name: 'ping' }, '?timeoutMs=x'],
    [{ name: 'ping' }, '?timeoutMs=2h'],
  ])('%j%s is refused with 400', async (body, query) => {
    const { ask } = fixture()
    expect((await ask('POST', `/v1/queries${query}`, body)).status).toBe(400)
  })
})

describe('GET /v1/members/{name}/explain', () => {
  test('answers states and evidence', async () => {
    const { ask } = fixture()
    expect((await ask('GET', '/v1/members/n1/explain')).body).toMatchObject({
      ...{ name: 'n1', state: 'alive', linked: true, namesakes: [] },
      history: [{ state: 'alive', evidence: 'own record, told by n1' }],
    })
  })

  test.each(['/v1/members/nobody/explain', '/v1/members/n1', '/v1/members/n1/other'])(
    '%s is not there',
    async (path) => {
      const { ask } = fixture()
      expect((await ask('GET', path)).body).toMatchObject({ status: 404, code: 'ERR_NOT_FOUND' })
    },
  )
})
