import { expect, test } from 'vitest'
import { utf8 } from '../../src/base/bytes.ts'
import { publicKeyOf } from '../../src/base/peer-id.ts'
import type { DhtBatchAnswer } from '../../src/http/shapes.ts'
import { ApiError } from '../../src/http/transport.ts'
import { Ring } from '../../src/kv/ring.ts'
import { recordId } from '../../src/records/record-key.ts'
import { Cluster, type Member } from './cluster.ts'
import { eventually } from './eventually.ts'

const NODES = 4
const REPLICATION = 3
const KEYS: readonly string[] = Array.from({ length: 40 }, (_, i) => `key ${i}`)

/** How many of the keys each of these members should hold. */
async function shares(members: readonly Member[]): Promise<Map<Member, number>> {
  const states = await Promise.all(members.map(({ client }) => client.status()))
  const peers = states.map(({ peerId }) => {
    return { peerId, publicKey: publicKeyOf(peerId) ?? new Uint8Array(32), isSuspect: false }
  })
  const ring = new Ring(peers)
  const held = new Map<string, number>()
  for (const key of KEYS) {
    for (const { peerId } of ring.closest(recordId(utf8(`/k/${key}`)), REPLICATION)) {
      held.set(peerId, (held.get(peerId) ?? 0) + 1)
    }
  }
  return new Map(members.map((member, i) => [member, held.get(peers[i]?.peerId ?? '') ?? 0]))
}

/** Waits until each member sees all of them, and holds at least its share. */
async function settled(members: readonly Member[]): Promise<void> {
  const expected = await shares(members)
  await eventually(
    async () => {
      const states = await Promise.all(members.map(({ client }) => client.status()))
      return states.map(({ members: seen, dht }) => [seen.alive, dht.records] as const)
    },
    (states) =>
      states.every(([alive, records], i) => {
        const member = members[i]
        const share = member === undefined ? 0 : (expected.get(member) ?? 0)
        return alive === members.length && records >= share
      }),
  )
}

async function write(member: Member | undefined, round: number): Promise<void> {
  const put = KEYS.map((key) => ({ key, value: `${key} of round ${round}` }))
  await eventually(
    () => member?.client.batch({ put }, { level: 'all' }).catch(asNothing),
    (answer) => answer?.put?.length === KEYS.length,
  )
}

/**
 * What each member reads of a majority: nothing missing, nothing older. One replica alone may have been one
 * before and hold what it held then, until repair has compared it with the others.
 */
async function expectAll(members: readonly Member[], round: number): Promise<void> {
  for (const { client } of members) {
    // Whoever cannot be reached just now is asked again: an answer that is late is none that is wrong.
    const { values, missing } = await eventually(
      () => client.batch({ get: KEYS }, { level: 'quorum' }).catch(asNothing),
      (answer) => answer.values !== undefined,
    )
    expect(missing).toEqual([])
    expect(values?.map(({ value }) => value)).toEqual(KEYS.map((key) => `${key} of round ${round}`))
  }
}

function asNothing(error: unknown): DhtBatchAnswer {
  if (error instanceof ApiError && ['ERR_QUORUM', 'ERR_TIMEOUT'].includes(error.code)) return {}
  throw error
}

/** Peers that a member has written down. */
async function bookOf({ client }: Member): Promise<number> {
  const pieces: Uint8Array[] = []
  for await (const piece of client.backup()) pieces.push(piece)
  return Buffer.concat(pieces).toString('latin1').split('member!book!').length - 1
}

test('every node is replaced, one by one: no value is lost, none is older', async () => {
  await using cluster = await Cluster.create()
  const flags = ['--replication', String(REPLICATION)]
  const names = Array.from({ length: NODES }, (_, i) => `old${i}`)
  let members: Member[] = await Promise.all(names.map((name) => cluster.start(name, ...flags)))
  await eventually(
    () => Promise.all(members.map(({ client }) => client.status())),
    (states) => states.every((state) => state.members.alive === NODES),
  )
  await write(members[0], 0)
  for (const round of names.keys()) {
    const [old, ...others] = members
    members = [...others, await cluster.start(`new${round}`, ...flags)]
    await settled(old === undefined ? members : [old, ...members])
    // All see the new one and hold their shares: the old one goes without a word.
    if (old !== undefined) await cluster.end(old.peer)
    await settled(members)
    await expectAll(members, round)
    await write(members[round % NODES], round + 1)
  }
  await expectAll(members, NODES)
  expect(members.every(({ name }) => name.startsWith('new'))).toBe(true)
})

test('all nodes killed at once and started again without seeds hold every value', async () => {
  await using cluster = await Cluster.create()
  const flags = ['--replication', String(REPLICATION)]
  const names = Array.from({ length: NODES }, (_, i) => `n${i}`)
  const members = await Promise.all(names.map((name) => cluster.start(name, ...flags)))
  await eventually(
    () => Promise.all(members.map(({ client }) => client.status())),
    (states) => states.every((state) => state.members.alive === NODES),
  )
  await write(members[1], 7)
  // A node writes down whom it has met within a second; what it has on disk is what its backup holds.
  await eventually(
    () => Promise.all(members.map((member) => bookOf(member))),
    (books) => books.every((peers) => peers === NODES - 1),
  )
  const places = await Promise.all(members.map(({ peer }) => peer.listen()))
  await Promise.all(members.map(({ peer }) => cluster.end(peer)))
  // Each in a runtime directory of its own: they know each other from their books alone.
  const again = await Promise.all(
    names.map((name, i) => {
      const address = places[i]?.[0]?.replace(/\/p2p\/.*/, '') ?? ''
      return cluster.startAway(name, '--listen', address, ...flags)
    }),
  )
  await settled(again)
  await expectAll(again, 7)
})
