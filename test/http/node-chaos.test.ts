import { describe, expect, test } from 'vitest'
import { fixture } from './ask.ts'

describe('/v1/chaos and /v1/lab on a single node', () => {
  test('403 and 404 where not enabled', async () => {
    const { ask } = fixture()
    expect((await ask('POST', '/v1/chaos', { action: 'heal' })).body).toMatchObject({
      status: 403,
      code: 'ERR_FORBIDDEN',
    })
    expect((await ask('GET', '/v1/lab')).status).toBe(404)
  })

  test.each([
    [{ action: 'partition', sides: [['n0', 'n1'], ['n2']] }, 'block peer-2'],
    [{ action: 'partition', sides: [['n1']] }, 'block peer-1'],
    [{ action: 'heal' }, 'heal'],
    [{ action: 'loss', share: 0.2 }, 'loss 0.2'],
    [{ action: 'latency', ms: 50 }, 'latency 50'],
    [{ action: 'pause', name: 'n0' }, 'pause'],
    [{ action: 'resume', name: 'n0' }, 'resume'],
  ])('%j does "%s"', async (action, fault) => {
    const { ask, node } = fixture({ chaos: true })
    expect((await ask('POST', '/v1/chaos', action)).status).toBe(200)
    expect(node.faults).toEqual([fault])
  })

  test.each([
    [{}, 400],
    [{ action: 'explode' }, 400],
    [{ action: 'partition' }, 400],
    [{ action: 'partition', sides: [] }, 400],
    [{ action: 'partition', sides: ['n0'] }, 400],
    [{ action: 'partition', sides: [['n0'], ['n0']] }, 400],
    [{ action: 'partition', sides: [['nobody']] }, 404],
    [{ action: 'loss', share: 2 }, 400],
    [{ action: 'loss' }, 400],
    [{ action: 'latency', ms: -1 }, 400],
    [{ action: 'pause' }, 400],
    [{ action: 'pause', name: 'n1' }, 501],
    [{ action: 'kill', name: 'n0' }, 501],
    [{ action: 'restart', name: 'n0' }, 501],
  ])('%j is %i', async (action, status) => {
    const { ask, node } = fixture({ chaos: true })
    expect((await ask('POST', '/v1/chaos', action)).status).toBe(status)
    expect(node.faults).toEqual([])
  })
})
