import type { Libp2pExtras } from '../adapters/libp2p/options.ts'
import type { Store } from '../adapters/store/store.ts'
import { HearsayError } from '../base/errors.ts'
import { checkNumber } from '../base/options.ts'
import { type InviteToken, readInvite } from '../invites/invite-token.ts'
import { inviteError } from './invite-desk.ts'
import type { NodeOptions, Profile } from './node-types.ts'

/** Options with every default filled in and every relation checked. */
export interface CheckedOptions {
  readonly name: string | undefined
  readonly dataDir: string | undefined
  readonly store: Store | undefined
  readonly libp2p: Libp2pExtras | undefined
  readonly profile: Profile
  readonly listen: readonly string[]
  readonly announce: readonly string[]
  readonly origins: readonly string[]
  /** Whether loopback addresses of others may be dialled: only by who is on loopback, too. */
  readonly dialLoopback: boolean
  readonly join: readonly string[]
  readonly network: string
  readonly networkKey: Uint8Array | undefined
  readonly invite: InviteToken | undefined
  readonly replication: number
  readonly oneHopMembersMax: number | undefined
  readonly durability: 'strict' | 'relaxed'
  readonly ready: 'listening' | 'loaded'
  readonly chaos: boolean
  readonly privateKey: Uint8Array | undefined
  readonly tags: Readonly<Record<string, string>>
}

const NAME_BYTES_MAX = 64
const NETWORK_KEY_BYTES_MIN = 32
const PRIVATE_KEY_BYTES = 32
/** Kademlia's bucket size bounds what a lookup can find: kad-dht's k = 20. */
const REPLICATION_MAX = 20
/** A network's members. */
const MEMBERS_MAX = 10_240
const LISTEN_BY_PROFILE: Readonly<Record<Profile, readonly string[]>> = {
  local: ['/ip4/127.0.0.1/tcp/0'],
  lan: ['/ip4/0.0.0.0/tcp/0'],
  wan: ['/ip4/0.0.0.0/tcp/0'],
}

/** @throws {TypeError | RangeError | HearsayError} naming the option, before anything is opened */
export function checkNodeOptions(options: NodeOptions): CheckedOptions {
  const profile = options.profile ?? 'local'
  if (!Object.hasOwn(LISTEN_BY_PROFILE, profile)) {
    throw invalid(`Cannot use profile: expected local, lan or wan: ${String(profile)}`)
  }
  const durability = options.durability ?? 'strict'
  if (durability !== 'strict' && durability !== 'relaxed') {
    throw invalid(`Cannot use durability: expected strict or relaxed: ${String(durability)}`)
  }
  const ready = options.ready ?? 'listening'
  if (ready !== 'listening' && ready !== 'loaded') {
    throw invalid(`Cannot use ready: expected listening or loaded: ${String(ready)}`)
  }
  const invite = checkInvite(options)
  const network = options.network ?? invite?.capability.network ?? 'hearsay'
  if (!/^[a-z0-9._-]{1,64}$/.test(network)) {
    throw invalid(`Cannot use network name: expected 1 to 64 of a-z 0-9 . _ -: ${network}`)
  }
  const listen = options.listen ?? LISTEN_BY_PROFILE[profile]
  const { networkKey, privateKey } = options
  if (networkKey !== undefined && networkKey.length < NETWORK_KEY_BYTES_MIN) {
    throw invalid(`Cannot use network key: expected at least 32 bytes: ${networkKey.length}`)
  }
  if (privateKey !== undefined && privateKey.length !== PRIVATE_KEY_BYTES) {
    throw invalid(`Cannot use private key: expected a seed of 32 bytes: ${privateKey.length}`)
  }
  const outside = listen.find((address) => !isLoopback(address))
  const isPrivate = networkKey !== undefined || invite !== undefined
  if (outside !== undefined && !isPrivate && options.open !== true) {
    throw new HearsayError(
      'ERR_CONFIG',
      `Cannot listen beyond loopback without a key: ${outside}`,
      {
        hint: 'Give every node the same --network-key FILE or an --invite, or say --open to let anybody in',
      },
    )
  }
  return {
    name: checkName(options.name),
    dataDir: options.dataDir,
    store: checkStore(options),
    libp2p: options.libp2p,
    profile,
    listen,
    announce: options.announce ?? [],
    origins: checkOrigins(options.origins ?? [], listen),
    dialLoopback: listen.length === 0 ? profile === 'local' : listen.some(isLoopback),
    join: options.join ?? [],
    network,
    networkKey,
    invite,
    replication: checkNumber('replication', options.replication ?? 5, {
      min: 1,
      max: REPLICATION_MAX,
      isInteger: true,
    }),
    oneHopMembersMax: checkOneHopMembers(options.oneHopMembersMax),
    durability,
    ready,
    chaos: options.chaos ?? false,
    privateKey,
    tags: options.tags ?? {},
  }
}

/** Whether a multiaddr can be reached from this machine only. */
export function isLoopback(address: string): boolean {
  return /^\/(ip4\/127\.|ip6\/::1\/|dns[46]?\/localhost\/)/.test(address)
}

function checkStore({ store, dataDir, privateKey }: NodeOptions): Store | undefined {
  if (store === undefined) return undefined
  if (dataDir !== undefined) throw invalid('Cannot use both a store and a data directory')
  // With another identity at each start one store would be continued by many.
  if (privateKey === undefined) throw invalid('Cannot use a store without its private key')
  return store
}

function checkOrigins(origins: readonly string[], listen: readonly string[]): readonly string[] {
  const wrong = origins.find((one) => one !== '*' && URL.parse(one)?.origin !== one)
  if (wrong === undefined && origins.length > 0 && !listen.some((one) => one.endsWith('/ws'))) {
    throw new HearsayError('ERR_CONFIG', 'Cannot let pages in: nothing listens by WebSocket', {
      hint: 'Add a listen address with /ws at its end, as /ip4/127.0.0.1/tcp/7481/ws',
    })
  }
  if (wrong === undefined) return origins
  throw invalid(`Cannot use origin: expected "https://host" or "*": ${wrong}`)
}

function checkOneHopMembers(count: number | undefined): number | undefined {
  if (count === undefined) return undefined
  return checkNumber('oneHopMembersMax', count, { min: 1, max: MEMBERS_MAX, isInteger: true })
}

function checkInvite({ invite, networkKey }: NodeOptions): InviteToken | undefined {
  if (invite === undefined) return undefined
  if (networkKey !== undefined) {
    throw invalid('Cannot use both a network key and an invite: whoever has the key needs none')
  }
  const token = readInvite(invite)
  if (!token.ok) throw inviteError(token.reason)
  return token.value
}

function checkName(name: string | undefined): string | undefined {
  if (name === undefined) return undefined
  const isText = typeof name === 'string' && name.isWellFormed() && name.trim() === name
  const isPlain = [...name].every((char) => char >= ' ' && !',|\u007f'.includes(char))
  if (!isText || name === '' || !isPlain) {
    throw invalid(
      `Cannot use name: expected text without control characters, comma or bar: ${name}`,
    )
  }
  if (new TextEncoder().encode(name).length > NAME_BYTES_MAX) {
    throw invalid(`Cannot use name: expected at most ${NAME_BYTES_MAX} bytes: ${name}`)
  }
  return name
}

function invalid(message: string): HearsayError {
  return new HearsayError('ERR_CONFIG', message, { hint: 'Correct the option and start again' })
}
