import { CODE_P2P, multiaddr } from '@multiformats/multiaddr'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseJoinAddress } from '../../../src/adapters/libp2p/join-address.ts'
import { HearsayError } from '../../../src/base/errors.ts'
import { peerIdFromPublicKey } from '../../../src/base/peer-id.ts'

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
    ['/ip4/1.2.3.4/tcp/5/ws', { type: 'multiaddr', multiaddr: '/ip4/1.2.3.4/tcp/5/ws' }],
    [
      `/dns4/a.example/tcp/443/wss/p2p/${PEER}`,
      { type: 'multiaddr', multiaddr: '/dns4/a.example/tcp/443/tls/ws', peer: PEER },
    ],
    ['/ip6/::1/tcp/5/tls/ws', { type: 'multiaddr', multiaddr: '/ip6/::1/tcp/5/tls/ws' }],
    ['ws://localhost:7401', { type: 'multiaddr', multiaddr: '/dns/localhost/tcp/7401/ws' }],
    ['ws://127.0.0.1:7401/', { type: 'multiaddr', multiaddr: '/ip4/127.0.0.1/tcp/7401/ws' }],
    ['ws://[::1]:7401', { type: 'multiaddr', multiaddr: '/ip6/::1/tcp/7401/ws' }],
    ['wss://Node.example', { type: 'multiaddr', multiaddr: '/dns/node.example/tcp/443/tls/ws' }],
    ['ws://node.example', { type: 'multiaddr', multiaddr: '/dns/node.example/tcp/80/ws' }],
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
    '/ip4/1.2.3.4/tcp/5/http',
    '/ip4/1.2.3.4/tcp/5/tls',
    '/ip4/1.2.3.4/tcp/5/ws/ws',
    '/ip4/1.2.3.4/tcp/5/ws/p2p',
    '/ip6/::1]@[::2/tcp/5',
    'ws://',
    'ws://host/path',
    'ws://user@host',
    'ws://host?query',
    'wss://host:0',
    'ws://host:65536',
    'ws://a b',
    'ws://300.1.1.1',
    '/ip4/1.2.3.4/tcp/0',
    '/ip4/1.2.3.4/tcp/65536',
    '/ip4/1.2.3.4/tcp/080',
    '/ip4/1.2.3.04/tcp/5',
    '/ip6/fe80::1%eth0/tcp/5',
    '/dns4/a b/tcp/5',
    '/ip4/1.2.3.4/tcp/5/p2p',
    '/ip4/1.2.3.4/tcp/5/p2p/QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N',
    '/nonsense',
    `${'a'.repeat(600)}:80`,
  ])('refuses %j with a hint', (text) => {
    expect(() => parseJoinAddress(text)).toThrow(HearsayError)
    expect(() => parseJoinAddress(text)).toThrow(
      expect.objectContaining({ code: 'ERR_ADDRESS', hint: expect.stringContaining('host:port') }),
    )
  })

  it('makes of a multiaddr what the multiaddr package makes of it', () => {
    const host = fc.oneof(
      fc.tuple(fc.constantFrom('ip4', 'dns4'), fc.ipV4()),
      fc.tuple(fc.constant('ip6'), fc.ipV6()),
      fc.tuple(fc.constantFrom('dns', 'dns4', 'dns6'), fc.domain()),
    )
    const given = fc.record({
      host,
      port: fc.integer({ min: 1, max: 65_535 }),
      hasPeer: fc.boolean(),
    })
    fc.assert(
      fc.property(given, ({ host: [family, name], port, hasPeer }) => {
        const bare = `/${family}/${name}/tcp/${port}`
        const expected = { type: 'multiaddr', multiaddr: multiaddr(bare).toString() }
        if (!hasPeer) expect(parseJoinAddress(bare)).toEqual(expected)
        else {
          expect(parseJoinAddress(`${bare}/p2p/${PEER}`)).toEqual({ ...expected, peer: PEER })
        }
      }),
    )
  })

  it('takes no multiaddr that the multiaddr package does not take', () => {
    const word = fc.constantFrom(
      ...['ip4', 'ip6', 'dns', 'dns4', 'ip6zone', 'tcp', 'udp', 'p2p', 'ipfs', '', '0', '1', '080'],
      ...['65535', '65536', '+1', ' 1', '0x1', '1.2.3.4', '1.2.3.04', '1.2.3', '::1', 'FE80::A'],
      ...['::ffff:1.2.3.4', 'fe80::1%eth0', ':::', 'a.example', 'A', 'a b', 'a%2fb', PEER, 'ws'],
    )
    const shape = fc.tuple(
      fc.constantFrom('ip4', 'ip6', 'dns4'),
      word,
      fc.constant('tcp'),
      fc.constantFrom('1', '65535', '65536', '080', '0'),
      fc.constantFrom('', '/', `/p2p/${PEER}`, `/ipfs/${PEER}`, '/p2p', '/ws', `/${PEER}`),
    )
    const text = fc.oneof(
      fc.array(word, { maxLength: 7 }).map((words) => `/${words.join('/')}`),
      shape.map(([a, b, c, d, rest]) => `/${a}/${b}/${c}/${d}${rest}`),
    )
    let taken = 0
    const check = (given: string): void => {
      let parsed: ReturnType<typeof parseJoinAddress>
      try {
        parsed = parseJoinAddress(given)
      } catch {
        return
      }
      taken += 1
      const bare = multiaddr(given).decapsulateCode(CODE_P2P)
      expect(parsed).toMatchObject({ multiaddr: bare.toString() })
    }
    fc.assert(fc.property(text, check), { numRuns: 3_000 })
    expect(taken).toBeGreaterThan(40)
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
