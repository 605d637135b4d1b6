import type { ConnectionEncrypter, MessageStream } from '@libp2p/interface'

/**
 * An encrypter whose messages reach the socket in one write each. Noise hands on the length and the
 * ciphertext one by one, and the socket writes what it is given one by one: two system calls, two packets
 * and two wake-ups of the other end for every message.
 */
export function inOneWrite(encrypter: ConnectionEncrypter): ConnectionEncrypter {
  return {
    protocol: encrypter.protocol,
    secureInbound: (connection, options) => encrypter.secureInbound(whole(connection), options),
    secureOutbound: (connection, options) => encrypter.secureOutbound(whole(connection), options),
  }
}

function whole(connection: MessageStream): MessageStream {
  const send = connection.send.bind(connection)
  connection.send = (data) => send(data.subarray())
  return connection
}
