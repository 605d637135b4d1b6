import type { InvitePort, LedgerPort } from '../adapters/libp2p/invite-port.ts'
import { equalBytes, hex } from '../base/bytes.ts'
import type { Millis, StoreRow, StoreWrite } from '../base/core.ts'
import { HearsayError } from '../base/errors.ts'
import type { PeerId } from '../base/ids.ts'
import { peerIdFromPublicKey, publicKeyOf } from '../base/peer-id.ts'
import type { Signer } from '../base/signer.ts'
import type { DiskPort } from '../engine/ports.ts'
import {
  decodeCapability,
  INVITE_ID_BYTES,
  isSigned,
  type SignedCapability,
  signCapability,
} from '../invites/capability.ts'
import type { InviteToken } from '../invites/invite-token.ts'
import {
  judge,
  REFUSALS,
  type Refusal,
  type Shown,
  standing,
  type Verdict,
} from '../invites/judge.ts'
import {
  LEDGER_ENTRIES_MAX,
  Ledger,
  type LedgerChange,
  type LedgerEntry,
  ledgerKey,
} from '../invites/ledger.ts'
import { decodeLedgerEntry, encodeLedgerEntry, isEntrySigned } from '../invites/ledger-codec.ts'
import { InviteIssuer, ISSUED_ROW } from './invite-issuer.ts'
import type { AccessInfo } from './invite-types.ts'

/** Rows of this part of a store. */
export const INVITE_ROWS = 'invite!'
const OWN_ROW = 'invite!own'
const ENTRY_ROW = 'invite!entry!'
/** Peers remembered: as many as there are members. */
const MET_MAX = 10_240
const NOTHING = new Uint8Array(0)

export interface InviteDeskOptions {
  readonly network: string
  /** Of this node. */
  readonly signer: Signer
  /** What this node is admitted by: the signer of the root key, or an invite. */
  readonly basis:
    | { readonly type: 'key'; readonly root: Signer }
    | { readonly type: 'invite'; readonly token: InviteToken; readonly secret: Signer | undefined }
  readonly disk: Pick<DiskPort, 'commit'>
  /** Whole milliseconds. */
  readonly now: () => Millis
  /** 32 fresh random bytes. */
  readonly randomSeed: () => Uint8Array
  readonly createSigner: (seed: Uint8Array) => Signer
  /** One line for people. */
  readonly alarm: (reason: string) => void
  /** Who only reads, as the ledger says now; called before anybody new is admitted. */
  readonly observers: (peers: ReadonlySet<PeerId>) => void
}

/**
 * Everything a node keeps about invites: its own capability, those it has issued, and the ledger of what was
 * revoked and redeemed. The host asks it whom to admit.
 */
export class InviteDesk implements InvitePort {
  readonly isHolder: boolean
  readonly ledger: LedgerPort
  /** Undefined: without the network key nobody can invite. */
  readonly issuer: InviteIssuer | undefined
  readonly #options: InviteDeskOptions
  readonly #rootKey: Uint8Array
  readonly #ledger = new Ledger()
  /** What peers were admitted for; undefined: the network key. */
  readonly #met = new Map<PeerId, SignedCapability | undefined>()
  /** What this node shows; a one-time invite until it is redeemed. */
  #own: SignedCapability
  #changed: (entries: readonly Uint8Array[]) => void = () => {}
  #observers: ReadonlySet<PeerId> = new Set()
  #refused: string | undefined
  #ownState: Refusal | undefined

  constructor(options: InviteDeskOptions) {
    const { basis, signer, network } = options
    this.#options = options
    this.isHolder = basis.type === 'key'
    if (basis.type === 'key') {
      this.#rootKey = basis.root.publicKey
      this.#own = signCapability(basis.root, {
        network,
        id: options.randomSeed().slice(0, INVITE_ID_BYTES),
        role: 'holder',
        audience: { type: 'peer', publicKey: signer.publicKey },
        issuedAt: 0,
        expiresAt: undefined,
      })
    } else {
      this.#rootKey = basis.token.rootKey
      this.#own = basis.token.capability
    }
    if (basis.type === 'key') {
      this.issuer = new InviteIssuer({
        ...options,
        root: basis.root,
        met: this.#met,
        ledger: this.#ledger,
        record: (entry) => this.#recorded(entry),
      })
    }
    this.ledger = {
      hash: () => this.#hash(),
      entries: () => this.#ledger.entries().map(encodeLedgerEntry),
      learn: (bytes) => this.#learn(bytes),
      listen: (changed) => {
        this.#changed = changed
      },
    }
  }

  /** Takes a row back from disk, before {@link check}. What is not of this network key is left alone. */
  load({ key, value }: StoreRow): void {
    if (key.startsWith(ENTRY_ROW)) {
      const entry = decodeLedgerEntry(value)
      if (entry.ok && this.#isOurs(entry.value)) this.#ledger.add(entry.value, this.#options.now())
      return
    }
    const capability = decodeCapability(value)
    if (!capability.ok || !isSigned(this.#options.signer, this.#rootKey, capability.value)) return
    if (key === OWN_ROW) this.#adopt(capability.value)
    else if (key.startsWith(ISSUED_ROW)) this.issuer?.load(capability.value)
  }

  /** A row whose bytes the disk changed. */
  damaged(key: string): void {
    this.#commit([{ key, value: undefined }])
  }

  /** Once all rows are loaded. @throws {HearsayError} ERR_INVITE: nobody would admit this node */
  check(): void {
    const { basis, network, signer, now } = this.#options
    this.#tellObservers()
    if (basis.type === 'key') return
    const { capability } = basis.token
    const { audience } = capability
    if (capability.network !== network)
      throw inviteError(`it is for the network ${capability.network}`)
    if (!isSigned(signer, this.#rootKey, capability)) throw inviteError('its signature is wrong')
    if (basis.secret !== undefined && !equalBytes(basis.secret.publicKey, audience.publicKey)) {
      throw inviteError('its secret is another one')
    }
    if (audience.type !== 'secret' && !equalBytes(audience.publicKey, signer.publicKey)) {
      throw inviteError(`it is for another peer than this one, ${signer.peerId}`)
    }
    const own = { publicKey: signer.publicKey, now: now() }
    const objection = standing(this.#ledger, this.#own, own)
    if (objection !== undefined) throw inviteError(REFUSALS[objection])
    if (this.#own.audience.type === 'redeemed') {
      this.#add({ type: 'redemption', capability: this.#own })
    }
  }

  access(): AccessInfo {
    if (this.isHolder) return { by: 'key', role: 'member' }
    const { signer, now } = this.#options
    const { id, role, expiresAt, audience } = this.#own
    const isObserver = role === 'observer' || this.#observers.has(signer.peerId)
    const objection = standing(this.#ledger, this.#own, { publicKey: signer.publicKey, now: now() })
    const sound = audience.type === 'secret' ? 'unused' : 'valid'
    return {
      by: 'invite',
      role: isObserver ? 'observer' : 'member',
      id: hex(id),
      ...(expiresAt === undefined ? {} : { expiresAt: new Date(expiresAt).toISOString() }),
      state: objection ?? sound,
      ...(this.#refused === undefined ? {} : { refused: this.#refused }),
    }
  }

  show(statement: Uint8Array): Shown {
    const { basis } = this.#options
    const secret = basis.type === 'invite' ? basis.secret : undefined
    const isUnused = this.#own.audience.type === 'secret'
    return {
      capability: this.#own.bytes,
      signature: isUnused && secret !== undefined ? secret.sign(statement) : NOTHING,
    }
  }

  judge(peer: PeerId, shown: Shown, statement: Uint8Array): Verdict {
    const publicKey = publicKeyOf(peer)
    if (publicKey === undefined) return { type: 'refused', refusal: 'peer' }
    const { network, signer, now } = this.#options
    const court = {
      network,
      rootKey: this.#rootKey,
      ledger: this.#ledger,
      signer,
      isHolder: this.isHolder,
    }
    const verdict = judge(court, shown, { publicKey, statement, now: now() })
    if (verdict.type === 'admitted') {
      const { capability } = verdict
      const isRedeemed = capability.audience.type === 'redeemed'
      const change = isRedeemed ? this.#add({ type: 'redemption', capability }) : undefined
      // Others would take one for a member that is not in the ledger.
      if (change === 'full' && capability.role === 'observer') {
        return { type: 'refused', refusal: 'full' }
      }
    }
    return verdict
  }

  redeem(peer: PeerId, capability: SignedCapability, done: (verdict: Verdict) => void): void {
    const { basis, now } = this.#options
    const publicKey = publicKeyOf(peer)
    if (basis.type !== 'key' || publicKey === undefined) {
      done({ type: 'refused', refusal: 'unredeemed' })
      return
    }
    const own = signCapability(basis.root, {
      ...capability,
      audience: { type: 'redeemed', publicKey, redeemedAt: now() },
    })
    const entry = { type: 'redemption', capability: own } as const
    const change = this.#add(entry, {
      max: LEDGER_ENTRIES_MAX,
      done: (failure) => {
        if (failure === undefined) done({ type: 'admitted', capability: own })
        else done({ type: 'refused', refusal: 'failed' })
      },
    })
    if (change === 'old') done({ type: 'refused', refusal: 'used' })
    if (change === 'over') done({ type: 'refused', refusal: 'expired' })
    if (change === 'full') done({ type: 'refused', refusal: 'full' })
  }

  granted(bytes: Uint8Array): void {
    const decoded = decodeCapability(bytes)
    if (!decoded.ok || equalBytes(bytes, this.#own.bytes)) return
    if (!isSigned(this.#options.signer, this.#rootKey, decoded.value)) return
    if (!this.#adopt(decoded.value)) return
    this.#commit([{ key: OWN_ROW, value: bytes }])
    this.#add({ type: 'redemption', capability: decoded.value })
  }

  admitted(peer: PeerId, capability: SignedCapability | undefined): void {
    this.#refused = undefined
    this.#met.delete(peer)
    this.#met.set(peer, capability)
    const [oldest] = this.#met.keys()
    if (this.#met.size > MET_MAX && oldest !== undefined) this.#met.delete(oldest)
  }

  refused(peer: PeerId, reason: string): void {
    if (this.isHolder || this.#refused === reason) return
    this.#refused = reason
    this.#options.alarm(`invite-refused: ${peer} does not admit this node: ${reason}`)
  }

  standing(peer: PeerId, capability: SignedCapability): Refusal | undefined {
    const publicKey = publicKeyOf(peer)
    if (publicKey === undefined) return 'peer'
    return standing(this.#ledger, capability, { publicKey, now: this.#options.now() })
  }

  /** Takes what a one-time invite of ours has become. */
  #adopt(capability: SignedCapability): boolean {
    const { basis, signer, network } = this.#options
    const { audience, id } = capability
    const isOurs =
      basis.type === 'invite' &&
      basis.secret !== undefined &&
      capability.network === network &&
      audience.type === 'redeemed' &&
      equalBytes(audience.publicKey, signer.publicKey) &&
      equalBytes(id, basis.token.capability.id)
    if (isOurs) this.#own = capability
    return isOurs
  }

  #hash(): Uint8Array | undefined {
    const over = this.#ledger.purge(this.#options.now())
    if (over.length > 0) {
      this.#commit(over.map((key) => ({ key: ENTRY_ROW + key, value: undefined })))
      this.#tellObservers()
    }
    return this.#ledger.size === 0 ? undefined : this.#ledger.hash()
  }

  #learn(bytes: Uint8Array): 'new' | 'old' | 'full' | 'forged' {
    const decoded = decodeLedgerEntry(bytes)
    if (!decoded.ok) return 'forged'
    const entry = decoded.value
    if (this.#ledger.holds(entry)) return 'old'
    if (!this.#isOurs(entry)) return 'forged'
    const change = this.#add(entry)
    return change === 'over' ? 'old' : change
  }

  #isOurs(entry: LedgerEntry): boolean {
    const { network, signer } = this.#options
    return isEntrySigned(signer, { name: network, rootKey: this.#rootKey }, entry)
  }

  #recorded(entry: LedgerEntry): Promise<LedgerChange> {
    return new Promise((resolve, reject) => {
      const change = this.#add(entry, {
        max: LEDGER_ENTRIES_MAX,
        done: (failure) => (failure === undefined ? resolve('new') : reject(failure)),
      })
      if (change !== 'new') resolve(change)
    })
  }

  /** `done` is called only for what is new. */
  #add(
    entry: LedgerEntry,
    options: { max?: number; done?: (failure: Error | undefined) => void } = {},
  ): LedgerChange {
    const change = this.#ledger.add(entry, this.#options.now(), options.max)
    if (change !== 'new') return change
    const bytes = encodeLedgerEntry(entry)
    this.#commit([{ key: ENTRY_ROW + ledgerKey(entry), value: bytes }], options.done)
    this.#tellObservers()
    this.#changed([bytes])
    this.#tellOwn()
    return change
  }

  #tellObservers(): void {
    const peers = [...this.#ledger.observers().values()].map(peerIdFromPublicKey)
    if (peers.length === this.#observers.size && peers.every((peer) => this.#observers.has(peer))) {
      return
    }
    const { signer, observers, alarm } = this.#options
    const wasOne = this.#own.role === 'observer' || this.#observers.has(signer.peerId)
    this.#observers = new Set(peers)
    observers(this.#observers)
    if (!wasOne && this.#observers.has(signer.peerId)) {
      alarm(
        'invite-observer: the latest invite of this node is an observer’s: it only reads, until it has a newer one as a member',
      )
    }
  }

  /** Says once that this node's own invite was taken back. */
  #tellOwn(): void {
    if (this.isHolder) return
    const { signer, now, alarm } = this.#options
    const objection = standing(this.#ledger, this.#own, { publicKey: signer.publicKey, now: now() })
    if (objection === this.#ownState) return
    this.#ownState = objection
    if (objection !== undefined) alarm(`invite-${objection}: ${REFUSALS[objection]}`)
  }

  #commit(writes: readonly StoreWrite[], done?: (failure: Error | undefined) => void): void {
    this.#options.disk.commit(writes, (failure) => done?.(failure))
  }
}

/** An invite that cannot be used, whatever others say of it. */
export function inviteError(why: string): HearsayError {
  return new HearsayError('ERR_INVITE', `Cannot use the invite: ${why}`, {
    hint: 'Ask whoever invited you for a new one: "hearsay invite" makes it',
  })
}
