import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Hello, type HelloOptions, type HelloOutcome } from '../../../src/adapters/libp2p/hello.ts'
import { decodeHello, encodeHello } from '../../../src/adapters/libp2p/hello-messages.ts'
import { hex } from '../../../src/base/bytes.ts'
import { peerIdFromPublicKey } from '../../../src/base/peer-id.ts'

const A = peerIdFromPublicKey(new Uint8Array(32).fill(1))
const B = peerIdFromPublicKey(new Uint8Array(32).fill(2))
const KEY = new Uint8Array(32).fill(7)

function hello(options: Partial<HelloOptions>): Hello {
  const isDialler = options.role !== 'acceptor'
  return new Hello({
    role: 'dialler',
    self: isDialler ? A : B,
    remote: isDialler ? B : A,
    network: 'test',
    networkKey: undefined,
    nonce: new Uint8Array(32).fill(isDialler ? 3 : 4),
    session: new Uint8Array(8).fill(isDialler ? 5 : 6),
    isLinked: () => false,
    ...options,
  })
}

interface Run {
  readonly dialler: HelloOutcome | undefined
  readonly acceptor: HelloOutcome | undefined
  readonly messages: Uint8Array[]
}

/** Carries messages between two ends until both are silent. */
function run(a: Partial<HelloOptions>, b: Partial<HelloOptions>): Run {
  const ends = [hello(a), hello({ ...b, role: 'acceptor' })] as const
  const outcomes: (HelloOutcome | undefined)[] = [undefined, undefined]
  const messages: Uint8Array[] = []
  let message = ends[0].start().reply
  let to = 1
  while (message !== undefined) {
    messages.push(message)
    const step: ReturnType<Hello['receive']> = (to === 1 ? ends[1] : ends[0]).receive(message)
    outcomes[to] = step.outcome ?? outcomes[to]
    message = step.reply
    to = 1 - to
  }
  return { dialler: outcomes[0], acceptor: outcomes[1], messages }
}

describe('Hello', () => {
  it('admits both ends of one network and tells each the other session', () => {
    const { dialler, acceptor } = run({}, {})
    expect(dialler).toEqual({
      type: 'admitted',
      session: new Uint8Array(8).fill(6),
      isLinked: false,
    })
    expect(acceptor).toEqual({
      type: 'admitted',
      session: new Uint8Array(8).fill(5),
      isLinked: false,
    })
  })

  it('admits both holders of one key', () => {
    const { dialler, acceptor } = run({ networkKey: KEY }, { networkKey: KEY })
    expect([dialler?.type, acceptor?.type]).toEqual(['admitted', 'admitted'])
  })

  it('tells the acceptor that the dialler holds a link', () => {
    expect(run({ isLinked: () => true }, {}).acceptor).toMatchObject({ isLinked: true })
  })

  it.each([
    ['another network', { network: 'other' }, {}, 'another network'],
    ['another key', { networkKey: KEY }, { networkKey: new Uint8Array(32) }, 'another network key'],
    ['no key here', {}, { networkKey: KEY }, 'this network asks for a key'],
    ['no key there', { networkKey: KEY }, {}, 'one end asks for a network key'],
  ])('rejects %s at both ends with the reason', (_name, a, b, reason) => {
    const { dialler, acceptor } = run(a, b)
    const told = { type: 'rejected', reason: `The peer refused: ${reason}`, told: reason }
    expect(dialler).toEqual(told)
    expect(acceptor).toEqual({ type: 'rejected', reason: `We refused the peer: ${reason}` })
  })

  it('rejects a protocol range that does not overlap', () => {
    const acceptor = hello({ role: 'acceptor' })
    const open = encodeHello({
      type: 'open',
      range: { min: 4, max: 9 },
      network: 'test',
      nonce: new Uint8Array(32),
      session: new Uint8Array(8),
      isKeyed: false,
    })
    expect(acceptor.receive(open).outcome?.type).toBe('rejected')
  })

  it('gives a stranger no proof before the stranger has given one', () => {
    const { messages } = run({ networkKey: new Uint8Array(32) }, { networkKey: KEY })
    const fromAcceptor = messages.filter((_message, i) => i % 2 === 1).map(decodeHello)
    expect(fromAcceptor.map((each) => each.ok && each.value.type)).toEqual(['challenge', 'reject'])
  })

  it('refuses the own proof sent back', () => {
    const dialler = hello({ networkKey: KEY })
    const acceptor = hello({ networkKey: KEY, role: 'acceptor' })
    const open = dialler.start().reply ?? new Uint8Array(0)
    const challenge = acceptor.receive(open).reply ?? new Uint8Array(0)
    const proof = decodeHello(dialler.receive(challenge).reply ?? new Uint8Array(0))
    if (!proof.ok || proof.value.type !== 'proof') throw new Error('expected a proof')
    const admit = encodeHello({ type: 'admit', proof: proof.value.proof })
    expect(dialler.receive(admit).outcome?.type).toBe('rejected')
  })

  it('refuses a proof made for other nonces', () => {
    const first = run({ networkKey: KEY }, { networkKey: KEY }).messages
    const acceptor = hello({
      networkKey: KEY,
      role: 'acceptor',
      nonce: new Uint8Array(32).fill(9),
    })
    acceptor.receive(first[0] ?? new Uint8Array(0))
    expect(acceptor.receive(first[2] ?? new Uint8Array(0)).outcome?.type).toBe('rejected')
  })

  it('takes any bytes without throwing and admits nobody for them', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 4 }), (list) => {
        for (const role of ['dialler', 'acceptor'] as const) {
          const end = hello({ role, networkKey: KEY })
          for (const bytes of list) expect(end.receive(bytes).outcome?.type).not.toBe('admitted')
        }
      }),
    )
  })

  it('writes the bytes of PROTOCOL.md', () => {
    const { messages } = run({ networkKey: KEY }, { networkKey: KEY })
    expect(messages.map(hex)).toEqual([
      `0103030474657374${'03'.repeat(32)}${'05'.repeat(8)}01`,
      `0203030474657374${'04'.repeat(32)}${'06'.repeat(8)}01`,
      '032006cb2aa3542d484b789944a7d7205c928c93635778d400029f3181ff13c77c9500',
      '04204db8480ae8a7de32ec9877d3cdaceff1c110f90d36eb4e837b466c8883b5bb65',
    ])
  })
})
