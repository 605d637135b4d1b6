/**
 * What callers on this node ask for: each request becomes a read, a write, or a refusal that says why.
 *
 * A conditional write of an owned name reads a majority first and compares. Only this node writes under
 * its names, and one conditional write of a name is under way at a time, so nothing comes between the
 * comparison and the write, and replicas refuse what is older than what they hold.
 */
import type { Millis } from '../base/core.ts'
import { HearsayError } from '../base/errors.ts'
import {
  authorOf,
  RECORD_TTL_MS,
  RECORD_TTL_MS_MAX,
  sealRecord,
  versionText,
} from '../records/record.ts'
import { hashKey, type Namespace } from '../records/record-key.ts'
import { GetOperation } from './get-operation.ts'
import { type KvContext, placeAt, type RecordPlace } from './kv-context.ts'
import type { KvCondition, KvFound, KvInput, KvLevel, KvTarget } from './kv-contract.ts'
import type { Finding } from './last-resort.ts'
import { PutOperation } from './put-operation.ts'
import {
  hashError,
  keyError,
  type Refusal,
  targetError,
  ttlError,
  valueError,
  versionConflict,
} from './refusals.ts'
import { requiredAcks } from './required-acks.ts'

const NAMESPACES: Readonly<Record<NonNullable<KvTarget['kind']>, Namespace>> = {
  shared: 'k',
  owned: 'o',
  immutable: 'h',
}
/** `ifVersion` of a name that must not have a value. */
const NO_VERSION = 'none'

type Put = KvInput & { readonly type: 'put' }
type Delete = KvInput & { readonly type: 'delete' }
type Get = KvInput & { readonly type: 'get' }

/** A write that was checked; `value` undefined deletes. */
interface Write extends KvCondition {
  readonly request: number
  readonly place: RecordPlace
  readonly value: Uint8Array | undefined
  readonly isManifest: boolean
  readonly isChunk: boolean
  readonly ttlMs: Millis
  readonly enoughMs: Millis | undefined
  readonly level: KvLevel
}

interface Read {
  readonly request: number
  readonly place: RecordPlace
  readonly level: KvLevel
  /** Whether Kademlia is the last resort. */
  readonly isThorough: boolean
  readonly isLarge: boolean
}

/** A read or a write under way. */
interface Operation {
  cancel(): void
}

export class Callers {
  readonly #context: KvContext
  readonly #operations = new Map<number, Operation>()
  /** Owned names with a conditional write under way, and its request. */
  readonly #swapping = new Map<string, number>()

  constructor(context: KvContext) {
    this.#context = context
  }

  put(input: Put, now: Millis): void {
    const { request, value, isManifest = false, isChunk = false, enoughMs, level } = input
    const { ttlMs = RECORD_TTL_MS } = input
    const fault = valueError(input) ?? ttlError(ttlMs)
    const isHashed = input.kind === 'immutable' && fault === undefined
    const hashed = isHashed ? hashKey(value, this.#context.signer) : undefined
    if (this.#isRefused(input, fault ?? hashError(input, hashed))) return
    const place = this.#place(hashed === undefined ? input : { ...input, key: hashed })
    const kind = { isManifest, isChunk, enoughMs, ...condition(input) }
    this.#write({ request, place, value, ttlMs, level, ...kind }, now)
  }

  delete(input: Delete, now: Millis): void {
    if (this.#isRefused(input)) return
    const { request, level } = input
    const place = this.#place(input)
    // As long as any value that it deletes may live, wherever that is still kept.
    const ttlMs = RECORD_TTL_MS_MAX
    const kind = { isManifest: false, isChunk: false, enoughMs: undefined, ...condition(input) }
    this.#write({ request, place, value: undefined, ttlMs, level, ...kind }, now)
  }

  get(input: Get, now: Millis): void {
    if (this.#isRefused(input)) return
    const { request, level = 'one', isLarge = false } = input
    const place = this.#place(input)
    this.#read({ request, place, level, isThorough: true, isLarge }, now, (found) => {
      const { key } = place.address
      this.#context.emit({ type: 'get-done', request, key, found: foundValue(found) })
    })
  }

  /** The caller gave up. */
  cancel(request: number): void {
    this.#operations.get(request)?.cancel()
  }

  #place({ key, kind = 'shared', owner }: KvTarget): RecordPlace {
    const author = owner ?? this.#context.signer.publicKey
    return placeAt({ namespace: NAMESPACES[kind], key, author })
  }

  #isRefused(input: Put | Delete | Get, other?: Refusal): boolean {
    const fault = keyError(input.key) ?? targetError(input) ?? other ?? this.#loadError()
    if (fault === undefined) return false
    this.#refuse(input.request, fault)
    return true
  }

  #refuse(request: number, error: Refusal): void {
    this.#context.emit({ type: 'refused', request, error })
  }

  #read(
    { request, place, level, isThorough, isLarge }: Read,
    now: Millis,
    answer: (found: Finding | undefined, now: Millis) => void,
  ): void {
    const operation: GetOperation = new GetOperation(this.#context, {
      place,
      required: this.#required(level),
      isThorough,
      isLarge,
      answer,
      refuse: (error) => this.#refuse(request, error),
      finished: () => this.#ended(request, place, operation),
    })
    this.#begin({ request, place }, operation, now)
  }

  #required(level: KvLevel): number {
    const { replication, ring, lost } = this.#context
    return requiredAcks(level, { replication, members: ring().size + lost() })
  }

  #write(write: Write, now: Millis): void {
    if (write.ifVersion === undefined) this.#store(write, 0, now)
    else this.#swap(write, write.ifVersion, now)
  }

  #swap(write: Write, ifVersion: string, now: Millis): void {
    const { request, place } = write
    const { key } = place.address
    if (this.#swapping.has(key)) {
      this.#refuse(request, versionConflict(key, 'another conditional write is under way'))
      return
    }
    this.#swapping.set(key, request)
    // What foreign peers hold beside the replicas is no version to compare with.
    const read: Read = { request, place, level: 'quorum', isThorough: false, isLarge: false }
    this.#read(read, now, (found, at) => {
      const version = foundValue(found)?.version ?? NO_VERSION
      if (version === ifVersion) this.#store(write, found?.record.stamp ?? 0, at)
      else {
        this.#swapped(key, request)
        this.#refuse(request, versionConflict(key, `its version is ${version}`))
      }
    })
  }

  #swapped(key: string, request: number): void {
    if (this.#swapping.get(key) === request) this.#swapping.delete(key)
  }

  /** @param after the sequence number of an owned record that this one follows */
  #store(write: Write, after: number, now: Millis): void {
    const { request, place, value, isManifest, ttlMs, enoughMs, level } = write
    const { signer, clock } = this.#context
    clock.observe(after, now, Number.POSITIVE_INFINITY)
    const { namespace, key } = place.address
    const expiresAt = Math.ceil(now + ttlMs)
    const stamp = clock.next(now)
    const record = sealRecord({ namespace, key, value, isManifest, stamp, expiresAt }, signer)
    const operation: PutOperation = new PutOperation(this.#context, {
      request,
      place,
      record,
      required: this.#required(level),
      enoughAt: enoughMs === undefined ? undefined : Math.ceil(now + enoughMs),
      answered: (isKept) => {
        if (isKept && !write.isChunk) this.#context.ownKeys.written(record)
        this.#swapped(place.address.key, request)
      },
      finished: () => this.#ended(request, place, operation),
    })
    this.#begin({ request, place }, operation, now)
  }

  /** Starts an operation where its replicas are known, unless its caller gives up before. */
  #begin(
    { request, place }: { readonly request: number; readonly place: RecordPlace },
    operation: Operation & { start(now: Millis): void },
    now: Millis,
  ): void {
    this.#operations.set(request, operation)
    this.#context.placement.prepare(place, now, (at) => {
      if (this.#operations.get(request) === operation) operation.start(at)
    })
  }

  /** A conditional write is two operations under one number. */
  #ended(request: number, { address }: RecordPlace, operation: Operation): void {
    if (this.#operations.get(request) !== operation) return
    this.#operations.delete(request)
    this.#swapped(address.key, request)
  }

  #loadError(): HearsayError | undefined {
    const { operationsMax } = this.#context.tunables
    if (this.#operations.size < operationsMax) return undefined
    const message = `Cannot start a DHT operation: ${operationsMax} are under way`
    return new HearsayError('ERR_OVERLOADED', message, { hint: 'Wait for some of them to end' })
  }
}

function condition({ ifVersion }: KvCondition): KvCondition {
  return ifVersion === undefined ? {} : { ifVersion }
}

/** What a caller hears of a finding; nothing of a tombstone. */
function foundValue(found: Finding | undefined): KvFound | undefined {
  if (found?.record.value === undefined) return undefined
  const author = authorOf(found.record)
  const version = versionText(found.record.stamp, author)
  const { isManifest, value } = found.record
  return { value: value.slice(), isManifest, version, author, from: found.from }
}
