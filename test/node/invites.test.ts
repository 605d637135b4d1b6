import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Libp2p } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createNode, type HearsayNode, type NodeEvent, type NodeOptions } from '../../src/index.ts'

const KEY = new Uint8Array(randomBytes(32))
const REFUSED = 'Kademlia or identify stream refused'
const nodes: HearsayNode[] = []

/** Of the invite that expires while the other tests run. */
const lasting: HearsayNode[] = []
let expired: Promise<HearsayNode>

beforeAll(() => {
  expired = expiring()
  // It is awaited by its test.
  expired.catch(() => {})
})

afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => node.stop()))
})

afterAll(async () => {
  await Promise.all(lasting.map((node) => node.stop()))
})

/** Resolves when a node that was linked is not any more. */
async function expiring(): Promise<HearsayNode> {
  const ada = await createNode({ network: 'team', networkKey: KEY })
  lasting.push(ada)
  const { invite } = await ada.invites.create({ ttlMs: 2_500 })
  const bob = await createNode({ network: 'team', invite, join: ada.status().listen })
  lasting.push(bob)
  await until(bob, () => linked(bob, ada))
  await until(bob, () => !linked(bob, ada))
  return bob
}

/** A node of the network `team` that joins the others given. */
async function start(
  options: NodeOptions,
  ...others: readonly HearsayNode[]
): Promise<HearsayNode> {
  const seeds = others.flatMap((other) => other.status().listen)
  const node = await createNode({ network: 'team', join: seeds, ...options })
  nodes.push(node)
  return node
}

/** Resolves when the condition holds; looked at all the time. */
async function until(node: HearsayNode, isSo: () => boolean): Promise<void> {
  if (isSo()) return
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const signal = AbortSignal.timeout(60_000)
  const look = (): void => {
    if (isSo()) resolve()
  }
  const timer = setInterval(look, 20)
  signal.addEventListener('abort', () =>
    reject(new Error(`Not so: ${JSON.stringify(node.status())}`)),
  )
  try {
    await promise
  } finally {
    clearInterval(timer)
  }
}

const linked = (node: HearsayNode, to: HearsayNode): boolean =>
  node.members.links().includes(to.peerId)

function alarm(node: HearsayNode, word: string): Promise<NodeEvent> {
  const { promise, resolve } = Promise.withResolvers<NodeEvent>()
  node.subscribe((event) => {
    if (event.type === 'alarm' && event.reason.includes(word)) resolve(event)
  })
  return promise
}

describe('an invited node', () => {
  it('takes part without the key, and two of them with each other', async () => {
    const ada = await start({ networkKey: KEY })
    const [first, second] = [await ada.invites.create(), await ada.invites.create()]
    const bob = await start({ invite: first.invite }, ada)
    await until(bob, () => linked(bob, ada))
    const eve = await start({ invite: second.invite }, ada)
    await until(eve, () => linked(eve, ada) && linked(eve, bob))
    expect(bob.status().access).toMatchObject({
      by: 'invite',
      role: 'member',
      id: first.id,
      state: 'valid',
    })
    await bob.counter('votes').add(2)
    await until(eve, () => eve.counter('votes').value === 2)
  })

  it('is known by its data directory: a one-time invite is its own for ever', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'hearsay-test-'))
    const ada = await start({ networkKey: KEY })
    const { invite } = await ada.invites.create()
    const bob = await start({ invite, dataDir }, ada)
    await until(bob, () => linked(bob, ada))
    const eve = await start({ invite: (await ada.invites.create()).invite }, ada)
    await until(eve, () => linked(eve, ada))
    const { listen } = eve.status()
    await ada.stop()
    await bob.stop()
    // Nobody who has the network key is left, and what it was given is in its directory.
    const again = await start({ invite, dataDir, join: listen })
    await until(again, () => linked(again, eve))
    await again.stop()
    await rm(dataDir, { recursive: true })
  })

  it('is refused with an invite that another peer has used, and says so', async () => {
    const ada = await start({ networkKey: KEY })
    const { invite } = await ada.invites.create()
    const bob = await start({ invite }, ada)
    await until(bob, () => linked(bob, ada))
    const eve = await start({ invite })
    const refused = alarm(eve, 'invite-refused')
    eve.join(ada.status().listen)
    expect(await refused).toMatchObject({ reason: expect.stringContaining('used by another peer') })
    expect(eve.status().access).toMatchObject({ state: 'unused', refused: expect.any(String) })
    expect(linked(eve, ada)).toBe(false)
  })

  it('is cut off everywhere when it is revoked, and not let in again', async () => {
    const ada = await start({ networkKey: KEY })
    const [first, second] = [await ada.invites.create(), await ada.invites.create()]
    const bob = await start({ invite: first.invite }, ada)
    const eve = await start({ invite: second.invite }, ada)
    await until(eve, () => linked(eve, ada) && linked(eve, bob) && linked(ada, bob))
    const told = alarm(eve, 'invite-revoked')
    const listed = async (): Promise<unknown> => (await ada.invites.list()).invites
    const mine = { id: first.id, role: 'member', peerId: bob.peerId, state: 'valid' }
    const third = await ada.invites.create({ peerId: bob.peerId })
    expect(await listed()).toMatchObject([
      { ...mine, usedAt: expect.any(String) },
      { id: second.id, peerId: eve.peerId, state: 'valid' },
      { id: third.id, peerId: bob.peerId, state: 'valid' },
    ])
    expect(await ada.invites.revoke(second.id)).toMatchObject({ id: second.id, isKnown: true })
    await told
    expect(await listed()).toMatchObject([mine, { state: 'revoked' }, {}])
    const { revocations } = await ada.invites.list()
    expect(revocations).toMatchObject([{ id: second.id, until: second.expiresAt }])
    await until(eve, () => eve.members.links().length === 0)
    const seen = (by: HearsayNode): string | undefined =>
      by.members.list().find(({ peerId }) => peerId === eve.peerId)?.state
    await until(bob, () => seen(bob) === 'failed' && seen(ada) === 'failed' && linked(bob, ada))
    expect(eve.status().access).toMatchObject({ state: 'revoked' })
    // By an invited node too, which has heard of it from others.
    const { promise: failed, resolve } = Promise.withResolvers<NodeEvent>()
    eve.subscribe((event) => {
      if (event.type === 'join-failed') resolve(event)
    })
    eve.join(bob.status().listen)
    expect(await failed).toMatchObject({ reason: expect.stringContaining('revoked') })
  })

  it('is revoked by its peer id, and may be invited anew afterwards', async () => {
    const ada = await start({ networkKey: KEY })
    const privateKey = new Uint8Array(randomBytes(32))
    const { invite } = await ada.invites.create()
    const bob = await start({ invite, privateKey }, ada)
    await until(bob, () => linked(bob, ada))
    await ada.invites.revoke(bob.peerId)
    await until(bob, () => !linked(bob, ada))
    await bob.stop()
    const anew = await ada.invites.create({ peerId: bob.peerId })
    const again = await start({ invite: anew.invite, privateKey }, ada)
    await until(again, () => linked(again, ada))
  })

  it('spreads a revocation that it has heard of before the node that was not there', async () => {
    const ada = await start({ networkKey: KEY })
    const [first, second] = [await ada.invites.create(), await ada.invites.create()]
    const bob = await start({ invite: first.invite }, ada)
    await until(bob, () => linked(bob, ada))
    const told = until(bob, () => bob.status().access.state === 'valid')
    await ada.invites.revoke(second.id)
    await told
    const cid = await start({ networkKey: KEY }, bob)
    await until(cid, () => linked(cid, bob))
    await ada.stop()
    const eve = await start({ invite: second.invite })
    const refused = alarm(eve, 'invite-refused')
    eve.join(cid.status().listen)
    expect(await refused).toMatchObject({ reason: expect.stringContaining('revoked') })
  })

  it('is cut off when its invite expires', async () => {
    const bob = await expired
    expect(bob.status().access).toMatchObject({ state: 'expired' })
  })
})

describe('an observer', () => {
  it('reads and follows, cannot write, is known as one to all, and can be revoked', async () => {
    const ada = await start({ networkKey: KEY })
    const bob = await start({ invite: (await ada.invites.create()).invite }, ada)
    await until(bob, () => linked(bob, ada))
    const made = await ada.invites.create({ role: 'observer' })
    const eve = await start({ invite: made.invite }, ada)
    await until(eve, () => linked(eve, ada) && linked(eve, bob))
    const roleAt = (node: HearsayNode): string | undefined =>
      node.members.list().find(({ peerId }) => peerId === eve.peerId)?.role
    for (const node of [ada, bob, eve]) await until(node, () => roleAt(node) === 'observer')
    expect(bob.status().members).toMatchObject({ alive: 3, observers: 1 })
    expect(bob.members.explain(eve.peerId)).toMatchObject({ role: 'observer' })
    expect(bob.members.explain(ada.peerId)).not.toHaveProperty('role')
    expect(eve.status().access).toMatchObject({ by: 'invite', role: 'observer', state: 'valid' })

    await bob.counter('votes').add(2)
    await until(eve, () => eve.counter('votes').value === 2)
    expect(await bob.dht.put('a', 'x')).toMatchObject({ acks: 2 })
    expect((await eve.dht.get('a'))?.text()).toBe('x')
    for (const write of [
      eve.counter('votes').add(1),
      eve.dht.put('a', 'y'),
      eve.broadcast('deploy', 'v1'),
    ]) {
      await expect(write).rejects.toMatchObject({ code: 'ERR_OBSERVER' })
    }
    expect(eve.counter('votes').value).toBe(2)

    await ada.invites.revoke(made.id)
    await until(eve, () => eve.members.links().length === 0)
    expect(eve.status().access).toMatchObject({ state: 'revoked' })
  })

  it('is known by the ledger when it was invited by its peer id, and can become a member', async () => {
    const ada = await start({ networkKey: KEY })
    const privateKey = new Uint8Array(randomBytes(32))
    const { peerId } = await start({ network: 'open', privateKey })
    const observing = await ada.invites.create({ role: 'observer', peerId, ttlMs: 60_000 })
    const eve = await start({ invite: observing.invite, privateKey }, ada)
    await until(eve, () => linked(eve, ada))
    await expect(eve.set('s').add('x')).rejects.toMatchObject({ code: 'ERR_OBSERVER' })
    await eve.stop()
    const again = await ada.invites.create({ peerId })
    const member = await start({ invite: again.invite, privateKey }, ada)
    await until(member, () => linked(member, ada))
    await member.set('s').add('x')
    await until(ada, () => ada.set('s').has('x'))
    expect(ada.members.list().every(({ role }) => role === undefined)).toBe(true)
  })

  it('gets nothing out of Kademlia and brings nothing into it, whatever it runs', async () => {
    const ada = await start({ networkKey: KEY })
    const bob = await start({ invite: (await ada.invites.create()).invite }, ada)
    const eve = await start(
      { invite: (await ada.invites.create({ role: 'observer' })).invite },
      ada,
    )
    for (const node of [bob, eve]) await until(node, () => linked(node, ada))
    /** Asks for Kademlia by libp2p itself, past everything that is ours. */
    const ask = (node: HearsayNode) =>
      node.libp2p?.dialProtocol(peerIdFromString(ada.peerId), '/hearsay/team/kad/1.0.0')
    const refused = (): number => ada.status().drops[REFUSED] ?? 0
    const heard = await ask(bob)
    const before = refused()
    // It may end before it is open at this end.
    await ask(eve)?.catch(() => undefined)
    await until(ada, () => refused() === before + 1)
    expect([before, heard?.status]).toEqual([0, 'open'])
    heard?.abort(new Error('asked'))
    const known = (ada.libp2p as Libp2p<{ kad: { routingTable: { size: number } } }>).services.kad
    // Bob alone.
    await until(ada, () => known.routingTable.size === 1)
  })
})

describe('a member that comes back as an observer', () => {
  it('says which of its writes nobody else holds, and brings them out as a member', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'hearsay-test-'))
    const ada = await start({ networkKey: KEY })
    const { invite } = await ada.invites.create()
    const bob = await start({ invite, dataDir }, ada)
    await until(bob, () => linked(bob, ada))
    await bob.counter('votes').add(1)
    await until(ada, () => ada.counter('votes').value === 1)
    await bob.stop()
    const alone = await start({ invite, dataDir })
    await alone.counter('votes').add(2)
    expect(alone.status().access).not.toHaveProperty('unsent')
    await alone.stop()

    const { peerId } = bob
    const observing = await ada.invites.create({ role: 'observer', peerId })
    const observer = await start({ invite: observing.invite, dataDir }, ada)
    expect(await alarm(observer, 'observer-kept-writes')).toMatchObject({
      reason: expect.stringMatching(/^observer-kept-writes: 2 events .*invite as a member$/),
    })
    // What ada holds is not counted any more once it has said so.
    await until(observer, () => observer.status().access.unsent === 1)
    await expect(observer.counter('votes').add(4)).rejects.toMatchObject({ code: 'ERR_OBSERVER' })
    expect([ada, observer].map((node) => node.counter('votes').value)).toEqual([1, 3])
    await observer.stop()

    // The invite that it had before: others know better, and it hears of it.
    const former = await start({ invite, dataDir }, ada)
    await alarm(former, 'invite-observer')
    expect(former.status().access).toMatchObject({ role: 'observer', unsent: expect.any(Number) })
    await expect(former.counter('votes').add(4)).rejects.toMatchObject({ code: 'ERR_OBSERVER' })
    await former.stop()

    const again = await ada.invites.create({ peerId })
    const member = await start({ invite: again.invite, dataDir }, ada)
    await until(ada, () => ada.counter('votes').value === 3)
    expect(member.status().access).not.toHaveProperty('unsent')
    await member.stop()
    await rm(dataDir, { recursive: true })
  })
})

describe('createNode() and invites', () => {
  it('refuses an invite that nobody would take', async () => {
    const ada = await start({ networkKey: KEY })
    const { invite } = await ada.invites.create({ peerId: ada.peerId })
    for (const [options, word] of [
      [{ invite }, 'another peer'],
      [{ invite, network: 'other' }, 'for the network team'],
      [{ invite: `${invite.slice(0, -6)}AAAAAA` }, 'signature'],
      [{ invite: 'nonsense' }, 'no invite'],
    ] as const) {
      await expect(createNode({ ...options })).rejects.toMatchObject({
        code: 'ERR_INVITE',
        message: expect.stringContaining(word),
      })
    }
    await expect(createNode({ invite, networkKey: KEY })).rejects.toMatchObject({
      code: 'ERR_CONFIG',
    })
  })

  it('invites and revokes with the network key alone, and within limits', async () => {
    const ada = await start({ networkKey: KEY })
    const { invite } = await ada.invites.create()
    const bob = await start({ invite }, ada)
    const open = await start({ network: 'open' })
    for (const node of [bob, open]) {
      await expect(node.invites.create()).rejects.toMatchObject({ code: 'ERR_UNSUPPORTED' })
      await expect(node.invites.list()).rejects.toMatchObject({ code: 'ERR_UNSUPPORTED' })
      await expect(node.invites.revoke(ada.peerId)).rejects.toMatchObject({
        code: 'ERR_UNSUPPORTED',
      })
    }
    const fails = (promise: Promise<unknown>, code: string): Promise<void> =>
      expect(promise).rejects.toMatchObject({ code })
    await fails(ada.invites.create({ ttlMs: 1 }), 'ERR_LIMIT')
    await fails(ada.invites.create({ ttlMs: 400 * 86_400_000 }), 'ERR_LIMIT')
    await fails(ada.invites.create({ peerId: 'x' }), 'ERR_INVALID')
    await fails(ada.invites.revoke('x'), 'ERR_INVALID')
    await fails(ada.invites.revoke(ada.peerId), 'ERR_UNSUPPORTED')
    expect(await ada.invites.revoke('0'.repeat(32))).toMatchObject({ isKnown: false })
    const { invites, revocations } = await ada.invites.list()
    expect(revocations).toMatchObject([{ id: '0'.repeat(32) }])
    expect(invites).toHaveLength(1)
  })

  it('keeps revocations on the disk', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'hearsay-test-'))
    const ada = await start({ networkKey: KEY, dataDir })
    const { id, invite } = await ada.invites.create()
    await ada.invites.revoke(id)
    await ada.stop()
    const again = await start({ networkKey: KEY, dataDir })
    const bob = await start({ invite })
    const refused = alarm(bob, 'invite-refused')
    bob.join(again.status().listen)
    expect(await refused).toMatchObject({ reason: expect.stringContaining('revoked') })
    await again.stop()
    await rm(dataDir, { recursive: true })
  })
})
