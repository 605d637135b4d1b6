import { describe, expect, it } from 'vitest'
import { fixture } from './ask.ts'

describe('POST /v1/dht', () => {
  it('stores several values, and reads several', async () => {
    const { ask } = fixture()
    const put = [
      { key: 'a', value: 'x' },
      { key: 'b', value: '/w==', encoding: 'base64' },
    ]
    const stored = await ask('POST', '/v1/dht?level=all', { put })
    expect(stored.body).toMatchObject({
      put: [
        { key: 'a', required: 3 },
        { key: 'b', acks: 3 },
      ],
    })
    const read = await ask('POST', '/v1/dht', { get: ['b', 'none', 'a'] })
    expect(read.body).toMatchObject({
      values: [
        { key: 'b', value: '/w==', encoding: 'base64' },
        { key: 'a', value: 'x', encoding: 'utf8' },
      ],
      missing: ['none'],
    })
  })

  it.each([
    ['neither', {}],
    ['both', { put: [], get: [] }],
    ['no list', { get: 'a' }],
    ['more than a thousand', { get: Array.from({ length: 1_001 }, () => 'a') }],
    ['no value', { put: [{ key: 'a' }] }],
  ])('refuses %s', async (_name, body) => {
    const { ask } = fixture()
    const asked = await ask('POST', '/v1/dht', body)
    expect([asked.status, asked.body.code]).toEqual([400, 'ERR_INVALID'])
  })

  it('tells of the first failure', async () => {
    const { ask, node } = fixture()
    node.replicas = 0
    const asked = await ask('POST', '/v1/dht?level=all', { put: [{ key: 'a', value: 'x' }] })
    expect([asked.status, asked.body.acks, asked.body.required]).toEqual([503, 1, 3])
  })
})
