import { present } from '../../src/base/assert.ts'
import { equalBytes, fromUtf8, utf8 } from '../../src/base/bytes.ts'
import { stampAt } from '../../src/base/hybrid-clock.ts'
import type { HearsayNode } from '../../src/index.ts'
import { type DhtRecord, decodeRecord, sealRecord } from '../../src/records/record.ts'
import { select } from '../../src/records/select.ts'
import { eventually } from '../../test/e2e/eventually.ts'
import { Nodes } from '../../test/node/nodes.ts'
import { ed25519Signer } from '../../test/records/ed25519-signer.ts'
import type { ForeignKind, ForeignPeer } from './foreign-peer.ts'
import type { InteropRow } from './result.ts'

const NETWORK = 'interop'
const NODES = 3
const HOUR_MS = 3_600_000
const CASE_MS_MAX = 30_000
const RETRY_MS = 250
/** CIDv1 raw of a SHA-256. */
const CID = Uint8Array.from([1, 0x55, 0x12, 32, ...new Uint8Array(32).fill(0xaa)])

interface Case {
  readonly what: string
  readonly run: (nodes: Nodes, peer: ForeignPeer) => Promise<void>
  /** @default true */
  readonly applies?: (peer: ForeignPeer) => boolean
}

/** Each is played with each kind, in this order, in one network. */
const CASES: readonly Case[] = [
  {
    what: 'says hello, is admitted, routes to a node',
    run: async (nodes, peer) => {
      await peer.keep(utf8('/k/kept'), envelope('kept', 'kept there'))
      await peer.join(addressOf(nodes.at(0)))
    },
  },
  {
    what: 'peer routing: finds the other nodes through the first',
    run: async (nodes, peer) => {
      for (const node of [nodes.at(1), nodes.at(2)]) {
        const found = await retried(() => peer.find(node.peerId))
        const address = present(found[0], 'an address').replace(/\/p2p\/.*/, '')
        await peer.join(`${address}/p2p/${node.peerId}`)
      }
    },
  },
  {
    what: 'put here, get there',
    run: async (nodes, peer) => {
      await nodes.at(1).dht.put('here', 'from here')
      expectText(await newest(peer, 'here'), 'from here')
    },
  },
  {
    what: 'put there, get here, at every node',
    run: async (nodes, peer) => {
      await peer.put(utf8('/k/there'), envelope('there', 'from there'))
      for (const i of [0, 1, 2]) {
        const found = await nodes.at(i).dht.get('there')
        expectSame(found?.value, 'from there')
      }
    },
  },
  {
    what: '… and back: overwritten here, got there',
    run: async (nodes, peer) => {
      await nodes.at(2).dht.put('there', 'and back')
      expectText(await newest(peer, 'there'), 'and back')
    },
  },
  {
    what: 'an older version put there changes nothing here',
    run: async (nodes, peer) => {
      const older = envelope('here', 'older', { at: Date.now() - HOUR_MS })
      // Some refuse it themselves.
      await peer.put(utf8('/k/here'), older).catch(() => {})
      expectSame((await nodes.at(0).dht.get('here', { level: 'all' }))?.value, 'from here')
    },
  },
  {
    what: 'a forged record put there is not taken here',
    run: async (nodes, peer) => {
      const forged = envelope('forged', 'forged').map((byte, i) => (i === 50 ? byte ^ 1 : byte))
      await peer.put(utf8('/k/forged'), forged).catch(() => {})
      expectSame(await nodes.at(0).dht.get('forged'), undefined)
    },
  },
  {
    what: 'what only it holds is got here',
    run: async (nodes, peer) => {
      const found = await eventually(
        () => nodes.at(0).dht.get('kept'),
        (value) => value !== undefined,
        CASE_MS_MAX,
      )
      expectSame(`${found?.value} by ${found?.from}`, `kept there by ${peer.peer}`)
    },
  },
  {
    what: 'values of 64 KiB, both ways',
    run: async (nodes, peer) => {
      const value = 'x'.repeat(65_536)
      await nodes.at(0).dht.put('big-here', value)
      expectText(await newest(peer, 'big-here'), value)
      await peer.put(utf8('/k/big-there'), envelope('big-there', value))
      expectSame((await nodes.at(1).dht.get('big-there'))?.value, value)
    },
  },
  {
    what: 'owned and immutable records put here, got there',
    run: async (nodes, peer) => {
      const own = await nodes.at(0).dht.put('profile', 'mine', { own: true })
      expectText(await newest(peer, `${nodes.at(0).peerId}/profile`, 'o'), 'mine')
      const fixed = await nodes.at(1).dht.put('-', 'fixed', { immutable: true })
      expectText(await newest(peer, fixed.key, 'h'), 'fixed')
      expectSame(own.acks > 0, true)
    },
  },
  {
    what: 'deleted here, gone there',
    run: async (nodes, peer) => {
      await nodes.at(1).dht.delete('here')
      expectSame((await newest(peer, 'here'))?.value, undefined)
    },
  },
  {
    what: 'providers: nobody is told of, nothing breaks',
    applies: ({ providers }) => providers !== undefined,
    run: async (_, peer) => expectSame(await peer.providers?.(CID), 0),
  },
]

/** What is skipped with a kind that is not here. */
export function skippedRows(peer: string, why: string): readonly InteropRow[] {
  return CASES.map(({ what }) => ({ peer, what, outcome: 'skipped', why }))
}

/** Every case with one kind of peer. */
export async function kindRows(kind: ForeignKind): Promise<readonly InteropRow[]> {
  const rows: InteropRow[] = []
  await using nodes = await Nodes.create(NODES, { network: NETWORK })
  await using peer = await kind.start(NETWORK)
  for (const { what, run, applies = () => true } of CASES) {
    // Without the first nothing else can be: the rest would only run out of time.
    if (!applies(peer) || rows[0]?.outcome === 'failed') continue
    rows.push({ peer: kind.name, ...(await played(what, () => run(nodes, peer))) })
  }
  return rows
}

/** All kinds in one network: what one put, each of the others gets, as nodes of ours keep it. */
export async function crossRows(kinds: readonly ForeignKind[]): Promise<readonly InteropRow[]> {
  const rows: InteropRow[] = []
  await using nodes = await Nodes.create(NODES, { network: NETWORK })
  await using stack = new AsyncDisposableStack()
  const peers: ForeignPeer[] = []
  for (const kind of kinds) {
    const peer = stack.use(await kind.start(NETWORK))
    for (let i = 0; i < NODES; i++) await peer.join(addressOf(nodes.at(i)))
    peers.push(peer)
  }
  for (const [from, writer] of peers.entries()) {
    const key = `from-${from}`
    await writer.put(utf8(`/k/${key}`), envelope(key, key))
    for (const [to, reader] of peers.entries()) {
      if (to === from) continue
      const row = await played('put by the first, got by the second', async () => {
        expectText(await newest(reader, key), key)
      })
      if (row !== undefined)
        rows.push({ peer: `${kinds[from]?.name} → ${kinds[to]?.name}`, ...row })
    }
  }
  return rows
}

/** Until somebody is found. Nodes route to new members when these have settled; they are not asked too often. */
async function retried(find: () => Promise<readonly string[]>): Promise<readonly string[]> {
  const deadline = performance.now() + CASE_MS_MAX
  for (;;) {
    const found = await find().catch(() => [])
    if (found.length > 0 || performance.now() > deadline) return found
    // A foreign node answers when its own tables are ready, and says nothing when they are: it is asked again.
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
  }
}

async function played(what: string, run: () => Promise<void>): Promise<Omit<InteropRow, 'peer'>> {
  const beganAt = performance.now()
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error('out of time')), CASE_MS_MAX)
  try {
    await Promise.race([run(), late.promise])
    return { what, outcome: 'passed', ms: Math.round(performance.now() - beganAt) }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return { what, outcome: 'failed', ms: Math.round(performance.now() - beganAt), why }
  } finally {
    clearTimeout(timer)
  }
}

/** An envelope as whoever reads PROTOCOL.md makes it. */
function envelope(key: string, value: string, { at = Date.now() } = {}): Uint8Array {
  const draft = { namespace: 'k', key, value: utf8(value), stamp: stampAt(at) } as const
  return sealRecord({ ...draft, expiresAt: Date.now() + HOUR_MS }, ed25519Signer(7)).bytes
}

/** Of the records found the one that counts: where an implementation does not select, its user does. */
async function newest(
  peer: ForeignPeer,
  key: string,
  namespace = 'k',
): Promise<DhtRecord | undefined> {
  const found = await peer.get(utf8(`/${namespace}/${key}`))
  const records = found.flatMap((bytes) => {
    const decoded = decodeRecord(bytes)
    return decoded.ok ? [decoded.value] : []
  })
  return records.sort((a, b) => select(b, a).order)[0]
}

function addressOf(node: HearsayNode): string {
  const address = present(node.status().listen[0], 'an address')
  return address.includes('/p2p/') ? address : `${address}/p2p/${node.peerId}`
}

function expectText(record: DhtRecord | undefined, text: string): void {
  if (record?.value === undefined) throw new Error('nothing found')
  if (!equalBytes(record.value, utf8(text))) {
    throw new Error(`found ${fromUtf8(record.value.subarray(0, 40))}`)
  }
}

function expectSame(found: unknown, expected: unknown): void {
  if (found === expected) return
  throw new Error(`found ${String(found).slice(0, 80)}, not ${String(expected).slice(0, 80)}`)
}
