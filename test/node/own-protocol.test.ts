import { peerIdFromString } from '@libp2p/peer-id'
import { expect, test } from 'vitest'
import { utf8 } from '../../src/base/bytes.ts'
import { Nodes } from './nodes.ts'

const PROTOCOL = '/own/1'

test("an application's own protocol runs between two nodes, over libp2p below them", async () => {
  await using nodes = await Nodes.create(2)
  const [a, b] = [nodes.at(0), nodes.at(1)]
  const heard = Promise.withResolvers<string>()
  await a.libp2p?.handle(PROTOCOL, async (stream, connection) => {
    for await (const data of stream) {
      heard.resolve(`${new TextDecoder().decode(data.subarray())} of ${connection.remotePeer}`)
    }
  })
  const stream = await b.libp2p?.dialProtocol(peerIdFromString(a.peerId), PROTOCOL)
  stream?.send(utf8('a word'))
  expect(await heard.promise).toBe(`a word of ${b.peerId}`)
  await stream?.close()
})
