import { expect, test } from 'vitest'
import { neighbourAddresses } from '../../src/cli/neighbours.ts'
import type { RegistryEntry } from '../../src/cli/registry.ts'

function entry(peerId: string, fields: Partial<RegistryEntry> = {}): RegistryEntry {
  return {
    name: peerId,
    peerId,
    pid: 1,
    api: 'http://127.0.0.1:1',
    tokenFile: '/t',
    network: 'n',
    addresses: [`/ip4/127.0.0.1/tcp/1/p2p/${peerId}`],
    startedAt: '',
    chaos: false,
    ...fields,
  }
}

test('neighbourAddresses() are those of the same network, not its own, not those of a demo', () => {
  const entries = [
    entry('self'),
    entry('a'),
    entry('b', { network: 'other' }),
    entry('c', { lab: 'demo' }),
    entry('d', { isPrivate: true }),
  ]
  const at = (peerId: string): string => `/ip4/127.0.0.1/tcp/1/p2p/${peerId}`
  expect(neighbourAddresses(entries, { network: 'n', peerId: 'self' })).toEqual([at('a')])
  expect(neighbourAddresses(entries, { network: 'n', isPrivate: true })).toEqual([at('d')])
})
