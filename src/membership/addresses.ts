/** Only of use inside one host or one cable: loopback, unspecified, link-local. */
const LOCAL = [
  /^\/ip4\/(127\.|0\.|169\.254\.)/,
  /^\/ip6\/(::1?|0*(:0*)*:0*1?|fe[89ab][0-9a-f]:.*|::ffff:(127\.|0\.|169\.254\.|7f|a9fe).*)(\/|$)/i,
  /^\/ip6zone\//,
  /^\/dns[46a]?(ddr)?\/([^/]*\.)?localhost\.?(\/|$)/i,
]

/** True for addresses that mean another machine, or nothing, when another machine dials them. */
export function isLocalAddress(address: string): boolean {
  return LOCAL.some((pattern) => pattern.test(address))
}

/** The addresses of a peer that may be dialled. Local ones only by a node that is local itself. */
export function dialableAddresses(
  addresses: readonly string[],
  dialLoopback: boolean,
): readonly string[] {
  if (dialLoopback) return addresses
  return addresses.filter((address) => !isLocalAddress(address))
}

/** Whether pages in browsers can dial it. */
export function isWebSocketAddress(address: string): boolean {
  return /\/wss?$/.test(address)
}
