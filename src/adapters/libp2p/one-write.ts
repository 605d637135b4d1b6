import type { ConnectionEncrypter, MessageStream, SecuredConnection } from '@libp2p/interface'

/**
 * An encrypter whose messages reach the socket in one write each. Noise hands on the length and the
 * ciphertext one by one, and the socket writes what it is given one by one: two system calls, two packets
 * and two wake-ups of the other end for every message.
 */
export function inOneWrite(encrypter: ConnectionEncrypter): ConnectionEncrypter {
  return {
    protocol: encrypter.protocol,
    secureInbound: async (connection, options) =>
      quiet(await encrypter.secureInbound(whole(connection), options)),
    secureOutbound: async (connection, options) =>
      quiet(await encrypter.secureOutbound(whole(connection), options)),
  }
}

function whole(connection: MessageStream): MessageStream {
  const send = connection.send.bind(connection)
  connection.send = (data) => send(data.subarray())
  return connection
}

/** Made once: its stack, of which nobody is told, would take longer than all else that noise does. */
const TOO_SHORT = new RangeError('Less than a length')

/** Two bytes, big-endian. @throws {RangeError} there are fewer */
function lengthOf(data: { readonly byteLength: number; get(index: number): number }): number {
  if (data.byteLength < 2) throw TOO_SHORT
  return (data.get(0) << 8) | data.get(1)
}

/**
 * After each message noise reads the length of the next one, and takes an exception for an answer when
 * nothing has come. Its decoder is no part of its interface: where there is none, nothing changes.
 */
function quiet<Extension>(secured: SecuredConnection<Extension>): SecuredConnection<Extension> {
  const { connection } = secured
  const decoder = 'decoder' in connection ? connection.decoder : undefined
  if (typeof decoder === 'object' && decoder !== null && 'lengthDecoder' in decoder) {
    decoder.lengthDecoder = lengthOf
  }
  return secured
}
