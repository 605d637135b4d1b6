import { expect, test } from 'vitest'
import { libp2pLogger } from '../../../src/adapters/libp2p/libp2p-logger.ts'

test('libp2p says nothing, unless its own log was asked for by DEBUG', () => {
  for (const debug of [undefined, '']) {
    const log = libp2pLogger(debug)?.forComponent('any')
    expect(log?.newScope('deeper').enabled).toBe(false)
    expect(log?.error('%s', 'a fault')).toBeUndefined()
  }
  expect(libp2pLogger('libp2p:*')).toBeUndefined()
})
