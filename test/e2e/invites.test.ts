import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { hearsay, type Ran } from './cli-process.ts'
import { eventually } from './eventually.ts'
import { PeerProcess } from './peer-process.ts'

const directory = await mkdtemp(join(tmpdir(), 'hearsay-invites-'))
const running = new Set<PeerProcess>()

afterAll(async () => {
  await Promise.all([...running].map((peer) => peer.end('SIGKILL')))
  await rm(directory, { recursive: true, force: true })
})

/** Every node has a machine of its own, as far as the registry of running nodes goes. */
const home = (name: string): string => join(directory, name)
const file = (name: string): string => join(directory, name)

function up(name: string, ...args: readonly string[]): PeerProcess {
  const peer = new PeerProcess({ runtimeDir: home(name), args: ['--name', name, ...args] })
  running.add(peer)
  return peer
}

function on(name: string, ...args: readonly string[]): Promise<Ran> {
  return hearsay(home(name), args)
}

async function invite(...args: readonly string[]): Promise<{ id: string; invite: string }> {
  const { code, out, err } = await on('ada', 'invite', '--json', ...args)
  expect(code, err).toBe(0)
  return JSON.parse(out)
}

describe('a private network of processes', { timeout: 240_000 }, () => {
  test('invites, revokes, and lets nobody else in', async () => {
    expect((await on('ada', 'keygen', file('key'))).code).toBe(0)
    const ada = up('ada', '--network', 'team', '--network-key', file('key'))
    const seed = (await ada.listen())[0] ?? ''

    const [first, second] = [await invite(), await invite('--ttl', '1d')]
    await writeFile(file('bob.invite'), `${first.invite}\n`, { mode: 0o600 })
    await writeFile(file('cid.invite'), second.invite, { mode: 0o600 })
    const invited = (name: string): readonly string[] => [
      ...['--invite', file(`${name}.invite`), '--data-dir', file(name), '--join', seed],
    ]
    const bob = up('bob', ...invited('bob'))
    const cid = up('cid', ...invited('cid'))
    const [adas, bobs, cids] = [await ada.client(), await bob.client(), await cid.client()]
    const isWhole = async (): Promise<number> => (await bobs.status()).members.alive
    await eventually(isWhole, (alive) => alive === 3)
    await bobs.change('votes', { type: 'counter', op: 'add', value: 2 })
    const votes = async (): Promise<unknown> => (await cids.object('votes'))?.type
    await eventually(votes, (type) => type === 'counter')

    // What nobody but holders of the key can do, and what cannot be used at all.
    expect((await on('bob', 'invite')).err).toContain('ERR_UNSUPPORTED')
    expect((await on('ada', 'revoke', 'nonsense')).code).toBe(2)
    await writeFile(file('bad.invite'), `${first.invite.slice(0, -8)}AAAAAAAA`)
    const bad = await on('eve', 'up', '--api', '127.0.0.1:0', '--invite', file('bad.invite'))
    expect(bad.code, bad.err).toBe(8)
    expect(bad.err).toContain('ERR_INVITE')

    // An observer: it reads what the others write, and is told that it cannot.
    const made = await on('ada', 'invite', file('fay.invite'), '--role', 'observer')
    expect(made.code, made.err).toBe(0)
    const fays = await up('fay', ...invited('fay')).client()
    await eventually(
      async () => (await fays.object('votes', { type: 'counter' }))?.value,
      (value) => value === 2,
    )
    const refused = await on('fay', 'counter', 'add', 'votes', '1')
    expect([refused.code, refused.err]).toEqual([1, expect.stringContaining('ERR_OBSERVER')])
    expect((await on('ada', 'members')).out).toMatch(/^fay +alive, observer/m)
    await on('fay', 'leave')

    // Used: another node with the same line is told so.
    const eve = up('eve', '--invite', file('bob.invite'), '--join', seed)
    const eves = await eve.client()
    const refusal = async (): Promise<string> => (await eves.status()).access.refused ?? ''
    expect(await eventually(refusal, (text) => text !== '')).toContain('used by another peer')

    const revoked = await on('ada', 'revoke', second.id, '--json')
    expect(JSON.parse(revoked.out)).toMatchObject({ id: second.id, isKnown: true })
    const stateOfCid = async (): Promise<string | undefined> =>
      (await bobs.members()).members.find(({ name }) => name === 'cid')?.state
    await eventually(stateOfCid, (state) => state === 'failed')
    await eventually(
      async () => (await cids.members()).links.length,
      (links) => links === 0,
    )
    expect((await cids.status()).access).toMatchObject({ by: 'invite', state: 'revoked' })
    const doctor = await on('cid', 'doctor')
    expect([doctor.code, doctor.out]).toEqual([1, expect.stringContaining('invite is revoked')])
    expect((await adas.status()).members).toMatchObject({ alive: 2, failed: 1 })

    // It does not start again with what was revoked; the other one does, without the holder.
    await cid.end('SIGTERM')
    const again = await on('cid', 'up', '--api', '127.0.0.1:0', ...invited('cid'))
    expect([again.code, again.err]).toEqual([8, expect.stringContaining('revoked')])
    expect(await bob.end('SIGTERM')).toBe(0)
    const back = await up('bob', ...invited('bob')).client()
    await eventually(
      async () => (await back.status()).members.alive,
      (alive) => alive === 2,
    )
  })
})
