import { expect, test } from 'vitest'
import type { PeerId } from '../../src/base/ids.ts'
import type { LinkListener, LinkPort, OutboundFrame } from '../../src/engine/ports.ts'
import { LateLinks } from '../../src/node/late-links.ts'

const A = 'peer-a' as PeerId
const B = 'peer-b' as PeerId
const frame: OutboundFrame = {
  peer: A,
  protocol: 'sync',
  lane: 'user',
  bytes: Uint8Array.of(1),
}
const listener: LinkListener = {
  linkUp: () => {},
  linkDown: () => {},
  dialFailed: () => {},
  joinFailed: () => {},
  frame: () => {},
  addresses: () => {},
  dropped: () => {},
}

function recorder(): LinkPort & { readonly calls: unknown[][] } {
  const calls: unknown[][] = []
  return {
    calls,
    listen: (heard) => void calls.push(['listen', heard === listener]),
    dial: (peer, addresses) => void calls.push(['dial', peer, addresses]),
    join: (address) => void calls.push(['join', address]),
    send: (sent) => calls.push(['send', sent.peer]) > 0,
    protect: (peer, isProtected) => void calls.push(['protect', peer, isProtected]),
    close: (peer) => void calls.push(['close', peer]),
  }
}

test('LateLinks does what was asked for once there are links, the latest of each, after listen()', () => {
  const late = new LateLinks()
  late.listen(listener)
  late.join('host:1')
  late.dial(A, ['/old'])
  late.dial(B, ['/b'])
  late.dial(A, ['/new'])
  for (const isProtected of [true, false]) late.protect(B, isProtected)
  for (let i = 0; i < 1_000; i++) late.join('host:1')
  late.close(A)
  expect(late.send(frame)).toBe(false)
  const links = recorder()
  late.attach(links)
  expect(links.calls).toEqual([
    ['listen', true],
    ['join', 'host:1'],
    ['dial', A, ['/new']],
    ['dial', B, ['/b']],
    ['protect', B, false],
  ])
})

test('LateLinks passes everything on from then on', () => {
  const late = new LateLinks()
  const links = recorder()
  late.attach(links)
  late.listen(listener)
  late.join('host:1')
  late.dial(A, ['/a'])
  expect(late.send(frame)).toBe(true)
  late.protect(A, true)
  late.close(A)
  expect(links.calls.map(([what]) => what)).toEqual([
    ...['listen', 'join', 'dial', 'send', 'protect', 'close'],
  ])
})
