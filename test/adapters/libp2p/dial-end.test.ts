import { createServer, type Server, type Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { dialEnd, NotAdmittedError } from '../../../src/adapters/libp2p/dial-end.ts'
import { TestHosts } from './test-host.ts'

const coded = (code: string): Error => Object.assign(new Error(code), { code })
const named = (name: string): Error => Object.assign(new Error(''), { name })

describe('dialEnd()', () => {
  it.each([
    ['refused', coded('ECONNREFUSED')],
    ['timeout', coded('ETIMEDOUT')],
    ['timeout', named('TimeoutError')],
    ['timeout', named('NoValidAddressesError')],
    ['timeout', coded('ENOTFOUND')],
    ['rejected', named('UnsupportedProtocolError')],
    ['rejected', new NotAdmittedError('rejected', 'another network')],
    ['reset', coded('ECONNRESET')],
    ['closed', new Error('something else')],
    ['closed', 'no error at all'],
    ['closed', new AggregateError([])],
  ])('is %s for %s', (end, error) => {
    expect(dialEnd(error).end).toBe(end)
  })

  it('takes the strongest evidence of several addresses', () => {
    const refused = coded('ECONNREFUSED')
    const unreachable = coded('ENETUNREACH')
    expect(dialEnd(new AggregateError([unreachable, refused])).end).toBe('refused')
    const nested = new AggregateError([new AggregateError([coded('ETIMEDOUT')]), unreachable])
    expect(dialEnd(nested).end).toBe('timeout')
  })
})

async function listening(
  onSocket: (socket: Socket) => void,
): Promise<{ server: Server; port: number }> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    onSocket(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return { server, port: typeof address === 'object' && address !== null ? address.port : 0 }
}

describe('join() to what is no peer', () => {
  it.each([
    ['that hangs up', (socket: Socket) => void socket.end(), 'closed'],
    [
      'that talks HTTP',
      (socket: Socket) => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'),
      'closed',
    ],
    ['that resets', (socket: Socket) => void setImmediate(() => socket.resetAndDestroy()), 'reset'],
    ['that says nothing', () => {}, 'timeout'],
  ])('fails at a server %s', async (_name, onSocket, end) => {
    await using hosts = new TestHosts()
    const sockets: Socket[] = []
    const { server, port } = await listening((socket) => {
      sockets.push(socket)
      onSocket(socket)
    })
    const a = await hosts.create({ limits: { dialTimeoutMs: 200, addressTimeoutMs: 200 } })
    a.host.links.join(`127.0.0.1:${port}`)
    await a.until(() => a.ofType('join-failed').length > 0, 'a failed join')
    expect(a.ofType('join-failed')[0]?.end).toBe(end)
    for (const socket of sockets) socket.destroy()
    server.close()
  })
})
