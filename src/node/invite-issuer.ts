import { equalBytes, fromHex, hex } from '../base/bytes.ts'
import type { Millis, StoreWrite } from '../base/core.ts'
import { HearsayError } from '../base/errors.ts'
import { type PeerId, PUBLIC_KEY_BYTES } from '../base/ids.ts'
import { parsePeerId, peerIdFromPublicKey, publicKeyOf } from '../base/peer-id.ts'
import type { Signer } from '../base/signer.ts'
import type { DiskPort } from '../engine/ports.ts'
import {
  type Audience,
  INVITE_ID_BYTES,
  INVITE_TTL_MS_MAX,
  type InviteRole,
  type SignedCapability,
  signCapability,
} from '../invites/capability.ts'
import { writeInvite } from '../invites/invite-token.ts'
import {
  LEDGER_ENTRIES_MAX,
  type Ledger,
  type LedgerChange,
  type LedgerEntry,
} from '../invites/ledger.ts'
import { signRevocation } from '../invites/revocation.ts'
import { listInvites } from './invite-list.ts'
import type { InviteInfo, InviteList, InviteOptions, RevokedInfo } from './invite-types.ts'

export const ISSUED_ROW = 'invite!issued!'
/** Invites of this node that have not expired. */
const ISSUED_MAX = 4_096
const TTL_MS_DEFAULT: Millis = 3_600_000
const TTL_MS_MIN: Millis = 1_000

export interface InviteIssuerOptions {
  readonly network: string
  readonly signer: Signer
  readonly root: Signer
  readonly disk: Pick<DiskPort, 'commit'>
  /** Whole milliseconds. */
  readonly now: () => Millis
  readonly randomSeed: () => Uint8Array
  readonly createSigner: (seed: Uint8Array) => Signer
  /** What peers were admitted for; undefined: the network key. */
  readonly met: ReadonlyMap<PeerId, SignedCapability | undefined>
  readonly ledger: Pick<
    Ledger,
    'redemption' | 'redemptionsOf' | 'entries' | 'objection' | 'observers'
  >
  /** Resolves when the entry is durable, if it is new. */
  readonly record: (entry: LedgerEntry) => Promise<LedgerChange>
}

/** Makes invites and takes them back, with the secret half of the root key. */
export class InviteIssuer {
  readonly #options: InviteIssuerOptions
  readonly #issued = new Map<string, SignedCapability>()

  constructor(options: InviteIssuerOptions) {
    this.#options = options
  }

  /** One that this node has issued. */
  load(capability: SignedCapability): void {
    this.#issued.set(hex(capability.id), capability)
  }

  /** See {@link Invites.create}. */
  async create(options: InviteOptions): Promise<InviteInfo> {
    const { network, root, now, randomSeed, createSigner } = this.#options
    const { ttlMs = TTL_MS_DEFAULT, role = 'member', peerId: forWhom } = options
    checkInvite({ ttlMs, role })
    const peer = forWhom === undefined ? undefined : peerOf(forWhom)
    const issuedAt = now()
    const over = this.#forgetExpired(issuedAt)
    if (this.#issued.size >= ISSUED_MAX) throw tooMany('invite', ISSUED_MAX)
    const secret = peer === undefined ? randomSeed() : undefined
    const expiresAt = issuedAt + Math.ceil(ttlMs)
    const audience =
      secret === undefined
        ? this.#audience(peer?.publicKey ?? new Uint8Array(PUBLIC_KEY_BYTES), { role, issuedAt })
        : ({ type: 'secret', publicKey: createSigner(secret).publicKey } as const)
    const id = randomSeed().slice(0, INVITE_ID_BYTES)
    const whole = { network, id, role, audience, issuedAt, expiresAt }
    return await this.#issue(signCapability(root, whole), { secret, over })
  }

  /** Of one peer: what all members must know of it goes into the ledger, as redeemed. */
  #audience(
    publicKey: Uint8Array,
    { role, issuedAt }: { readonly role: InviteRole; readonly issuedAt: Millis },
  ): Audience {
    const isKnown = this.#options.ledger.observers().has(hex(publicKey))
    if (role === 'member' && !isKnown) return { type: 'peer', publicKey }
    return { type: 'redeemed', publicKey, redeemedAt: issuedAt }
  }

  async #issue(
    capability: SignedCapability,
    {
      secret,
      over,
    }: { readonly secret: Uint8Array | undefined; readonly over: readonly StoreWrite[] },
  ): Promise<InviteInfo> {
    const { network, root, record } = this.#options
    const { audience, expiresAt = 0 } = capability
    const role = capability.role === 'observer' ? 'observer' : 'member'
    const change =
      audience.type === 'redeemed' ? await record({ type: 'redemption', capability }) : undefined
    if (change === 'full') throw tooMany('invite', LEDGER_ENTRIES_MAX)
    const id = hex(capability.id)
    this.#issued.set(id, capability)
    await this.#saved([...over, { key: ISSUED_ROW + id, value: capability.bytes }])
    return {
      id,
      network,
      role,
      ...(secret === undefined ? { peerId: peerIdFromPublicKey(audience.publicKey) } : {}),
      expiresAt: new Date(expiresAt).toISOString(),
      invite: writeInvite({ rootKey: root.publicKey, capability, secret }),
    }
  }

  /** See {@link Invites.list}. */
  list(): InviteList {
    const { met, ledger, now } = this.#options
    return listInvites({ issued: this.#issued.values(), met, ledger }, now())
  }

  /** See {@link Invites.revoke}. */
  async revoke(id: string): Promise<RevokedInfo> {
    const inviteId = /^[0-9a-f]{32}$/.test(id) ? fromHex(id) : undefined
    return inviteId === undefined ? this.#revokePeer(id) : this.#revokeInvite(id, inviteId)
  }

  async #revokeInvite(id: string, inviteId: Uint8Array): Promise<RevokedInfo> {
    const { now, ledger, met } = this.#options
    const isIt = (each: SignedCapability | undefined): boolean =>
      each !== undefined && equalBytes(each.id, inviteId)
    const known =
      this.#issued.get(id) ?? ledger.redemption(inviteId) ?? [...met.values()].find(isIt)
    const revokedAt = now()
    const until = known?.expiresAt ?? revokedAt + INVITE_TTL_MS_MAX
    await this.#record({ type: 'invite', id: inviteId }, { revokedAt, until })
    return { id, isKnown: known !== undefined, until: new Date(until).toISOString() }
  }

  async #revokePeer(text: string): Promise<RevokedInfo> {
    const { now, signer, met, ledger } = this.#options
    const { peerId, publicKey } = peerOf(text)
    const isHolder = met.has(peerId) && met.get(peerId) === undefined
    if (isHolder || peerId === signer.peerId) {
      throw new HearsayError('ERR_UNSUPPORTED', `Cannot revoke ${peerId}: it has the network key`, {
        hint: 'Give all other nodes a new network key: "hearsay keygen"',
      })
    }
    const revokedAt = now()
    const until = revokedAt + INVITE_TTL_MS_MAX
    await this.#record({ type: 'peer', publicKey }, { revokedAt, until })
    const isForIt = ({ audience }: SignedCapability): boolean =>
      audience.type !== 'secret' && equalBytes(audience.publicKey, publicKey)
    const isKnown =
      met.has(peerId) ||
      ledger.redemptionsOf(publicKey).length > 0 ||
      [...this.#issued.values()].some(isForIt)
    return { id: peerId, isKnown, until: new Date(until).toISOString() }
  }

  async #record(
    subject: Parameters<typeof signRevocation>[1]['subject'],
    times: { readonly revokedAt: Millis; readonly until: Millis },
  ): Promise<void> {
    const { network, root, record } = this.#options
    const revocation = signRevocation(root, { network, subject, ...times })
    // Old or over: it is revoked already, or has expired.
    const change = await record({ type: 'revocation', revocation })
    if (change === 'full') throw tooMany('revoke', LEDGER_ENTRIES_MAX)
  }

  #forgetExpired(now: Millis): readonly StoreWrite[] {
    const over = [...this.#issued].filter(([, { expiresAt }]) => (expiresAt ?? 0) <= now)
    for (const [id] of over) this.#issued.delete(id)
    return over.map(([id]) => ({ key: ISSUED_ROW + id, value: undefined }))
  }

  #saved(writes: readonly StoreWrite[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#options.disk.commit(writes, (failure) => {
        if (failure === undefined) resolve()
        else reject(failure)
      })
    })
  }
}

/** On a node without the network key. */
export function cannotInvite(verb: string): HearsayError {
  return new HearsayError('ERR_UNSUPPORTED', `Cannot ${verb}: this node has no network key`, {
    hint: 'Ask a node that was started with --network-key',
  })
}

function peerOf(text: string): { readonly peerId: PeerId; readonly publicKey: Uint8Array } {
  const [peerId, publicKey] = [parsePeerId(text), publicKeyOf(text)]
  if (peerId !== undefined && publicKey !== undefined) return { peerId, publicKey }
  throw new HearsayError('ERR_INVALID', `Cannot use "${text.slice(0, 80)}": it is no peer id`, {
    hint: 'An invite has an id of 32 hexadecimal digits; a peer id begins with 12D3KooW',
  })
}

function checkInvite({ ttlMs, role }: { readonly ttlMs: number; readonly role: InviteRole }): void {
  if (role !== 'member' && role !== 'observer') {
    throw new HearsayError('ERR_INVALID', `Cannot invite as ${role}: expected member or observer`)
  }
  if (!(ttlMs >= TTL_MS_MIN && ttlMs <= INVITE_TTL_MS_MAX)) {
    throw new HearsayError('ERR_LIMIT', `Cannot invite for so long: ${ttlMs} ms`, {
      hint: 'An invite lives for 1 s to 366 days',
    })
  }
}

function tooMany(verb: string, max: number): HearsayError {
  return new HearsayError('ERR_LIMIT', `Cannot ${verb}: ${max} are in use`, {
    hint: 'Each is forgotten when the invite expires: give invites shorter lives',
  })
}
