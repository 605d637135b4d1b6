import { lookup } from 'node:dns/promises'

/** Multiaddrs of every A and AAAA answer for a name, at most `max`. @throws node:dns errors */
export async function lookupName(
  name: string,
  options: { readonly port: number; readonly max: number },
): Promise<readonly string[]> {
  const answers = await lookup(name, { all: true, order: 'ipv4first' })
  return answers
    .slice(0, options.max)
    .map(({ address, family }) => `/ip${family}/${address}/tcp/${options.port}`)
}
