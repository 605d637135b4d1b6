import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseJoinAddress } from '../../../src/adapters/libp2p/join-address.ts'
import { HearsayError } from '../../../src/base/errors.ts'
import { peerIdFromPublicKey } from '../../../src/base/ids.ts'

const PEER = peerIdFromPublicKey(new Uint8Array(32).fill(1))

describe('parseJoinAddress()', () => {
  it.each([
    ['/ip4/192.0.2.1/tcp/4001', { type: 'multiaddr', multiaddr: '/ip4/192.0.2.1/tcp/4001' }],
    [
      `/ip6/::1/tcp/4001/p2p/${PEER}`,
      { type: 'multiaddr', multiaddr: '/ip6/::1/tcp/4001', peer: PEER },
    ],
    ['/dns4/a.example/tcp/1', { type: 'multiaddr', multiaddr: '/dns4/a.example/tcp/1' }],
    ['192.0.2.1:4001', { type: 'multiaddr', multiaddr: '/ip4/192.0.2.1/tcp/4001' }],
    ['[2001:db8::1]:80', { type: 'multiaddr', multiaddr: '/ip6/2001:db8::1/tcp/80' }],
    ['node-1.local:80', { type: 'name', name: 'node-1.local', port: 80, isMany: false }],
    ['localhost:80', { type: 'name', name: 'localhost', port: 80, isMany: false }],
    [
      'dns:hearsay.default.svc:7',
      { type: 'name', name: 'hearsay.default.svc', port: 7, isMany: true },
    ],
    ['dns:Name.:7', { type: 'name', name: 'name.', port: 7, isMany: true }],
  ])('reads %s', (text, expected) => {
    expect(parseJoinAddress(text)).toEqual(expected)
  })

  it.each([
    '',
    'host',
    ':80',
    'host:0',
    'host:65536',
    'host:x',
    'a b:80',
    '300.1.1.1:80',
    '[::g]:80',
    'dns:192.0.2.1:80',
    'dns:name',
    'http://host:80',
    '-host:80',
    '/ip4/1.2.3.4/udp/5',
    '/ip4/1.2.3.4/tcp/5/ws',
    '/ip4/1.2.3.4/tcp/0',
    '/ip4/1.2.3.4/tcp/5/p2p/QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N',
    '/nonsense',
    `${'a'.repeat(600)}:80`,
  ])('refuses %j with a hint', (text) => {
    expect(() => parseJoinAddress(text)).toThrow(HearsayError)
    expect(() => parseJoinAddress(text)).toThrow(
      expect.objectContaining({ code: 'ERR_ADDRESS', hint: expect.stringContaining('host:port') }),
    )
  })

  it('throws nothing but HearsayError', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((text) => `/${text}`),
        ),
        (text) => {
          try {
            parseJoinAddress(text)
          } catch (error) {
            expect(error).toBeInstanceOf(HearsayError)
          }
        },
      ),
    )
  })
})
