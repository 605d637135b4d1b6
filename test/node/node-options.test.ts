import { expect, test } from 'vitest'
import { HearsayError } from '../../src/base/errors.ts'
import { checkNodeOptions, isLoopback } from '../../src/node/node-options.ts'

const WEB = ['/ip4/127.0.0.1/tcp/0/ws']

test('checkNodeOptions() fills in the local profile', () => {
  expect(checkNodeOptions({})).toMatchObject({
    profile: 'local',
    listen: ['/ip4/127.0.0.1/tcp/0'],
    network: 'hearsay',
    replication: 5,
    durability: 'strict',
    ready: 'listening',
    chaos: false,
  })
})

test.each([
  ['a name with a comma', { name: 'a,b' }],
  ['an empty name', { name: '' }],
  ['a name with a control character', { name: 'a\u0007' }],
  ['a name of 65 bytes', { name: 'n'.repeat(65) }],
  ['a name with a lone surrogate', { name: '\ud800' }],
  ['a network with capitals', { network: 'Hearsay' }],
  ['a short network key', { networkKey: new Uint8Array(31) }],
  ['a private key of the wrong size', { privateKey: new Uint8Array(64) }],
  ['listening beyond loopback without a key', { profile: 'lan' as const }],
  ['a word that is no readiness', { ready: 'soon' as 'loaded' }],
  ['a listen address beyond loopback', { listen: ['/ip4/0.0.0.0/tcp/0'] }],
  ['a WebSocket beyond loopback', { listen: ['/ip4/0.0.0.0/tcp/0/ws'] }],
  ['an origin with a path', { origins: ['https://app.example/'], listen: WEB }],
  ['an origin without a scheme', { origins: ['app.example'], listen: WEB }],
  ['an origin where nothing listens for pages', { origins: ['https://app.example'] }],
])('checkNodeOptions() refuses %s', (_name, options) => {
  expect(() => checkNodeOptions(options)).toThrow(HearsayError)
})

test('checkNodeOptions() lets who is on loopback dial loopback, and who listens nowhere as its profile says', () => {
  expect(checkNodeOptions({}).dialLoopback).toBe(true)
  expect(checkNodeOptions({ listen: [] }).dialLoopback).toBe(true)
  expect(checkNodeOptions({ listen: [], profile: 'wan' }).dialLoopback).toBe(false)
  expect(checkNodeOptions({ profile: 'wan', open: true }).dialLoopback).toBe(false)
  const origins = ['https://app.example', 'http://localhost:5173', '*']
  expect(checkNodeOptions({ origins, listen: WEB }).origins).toEqual(origins)
})

test.each([0, 21, 1.5, Number.NaN])('checkNodeOptions() refuses replication %s', (replication) => {
  expect(() => checkNodeOptions({ replication })).toThrow(/replication/)
})

test('checkNodeOptions() lets a key or --open listen beyond loopback', () => {
  expect(checkNodeOptions({ profile: 'lan', open: true }).listen).toEqual(['/ip4/0.0.0.0/tcp/0'])
  const networkKey = new Uint8Array(32)
  expect(checkNodeOptions({ profile: 'wan', networkKey }).networkKey).toBe(networkKey)
})

test('isLoopback() knows loopback from the rest', () => {
  expect(isLoopback('/ip4/127.0.0.9/tcp/1')).toBe(true)
  expect(isLoopback('/ip6/::1/tcp/1')).toBe(true)
  expect(isLoopback('/ip4/12.7.0.1/tcp/1')).toBe(false)
  expect(isLoopback('/ip4/0.0.0.0/tcp/1')).toBe(false)
})
