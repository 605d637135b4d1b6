import type {
  ConvergedInfo,
  DhtKeyPage,
  DhtPageOptions,
  InviteInfo,
  InviteList,
  MembersInfo,
  ObjectType,
  PutResult,
  RevokedInfo,
  StatusInfo,
  Waiting,
} from '../index.ts'
import type { LabInfo } from '../lab/lab-types.ts'
import { EventSourceParser } from './event-source.ts'
import type { LogLevels } from './log-control.ts'
import { objectMethods } from './object-client.ts'
import type {
  AnswerOf,
  BroadcastAnswer,
  ChaosAction,
  DhtAnswer,
  DhtBatch,
  DhtBatchAnswer,
  ExplainAnswer,
  GetQuery,
  InviteBody,
  LogLevelBody,
  Message,
  NamedOperation,
  ObjectChanged,
  ObjectOperation,
  ObjectQuery,
  ObjectsAnswer,
  PutQuery,
  QueryAnswers,
  ReadyAnswer,
  ReplicatedAnswer,
  SetHasAnswer,
  StreamedEvent,
  TagsAnswer,
  TransactionAnswer,
  UndoAnswer,
  UndoableAnswer,
} from './shapes.ts'
import {
  ApiError,
  type ClientOptions,
  chunks,
  type Query,
  type Sending,
  segment,
  Transport,
} from './transport.ts'

const RECONNECT_MS_MIN = 100
const RECONNECT_MS_MAX = 5_000

export interface EventQuery extends Waiting {
  /** @default all */
  readonly types?: readonly string[]
  /** Resume after this event; @default from now on */
  readonly lastEventId?: string
}

/** One method per route. All throw {@link ApiError}, or `signal.reason` when aborted. */
export interface Client {
  livez(options?: Waiting): Promise<{ readonly live: boolean }>
  /** The checks, whether the node is ready or not. */
  readyz(options?: Waiting): Promise<ReadyAnswer>
  startupz(options?: Waiting): Promise<{ readonly started: boolean }>
  status(options?: Waiting): Promise<StatusInfo>
  members(options?: Waiting): Promise<MembersInfo>
  /** Undefined when there is no such member. @param who its name or peer id */
  explain(who: string, options?: Waiting): Promise<ExplainAnswer | undefined>
  /** To all members, once each. */
  broadcast(message: Message, options?: Waiting): Promise<BroadcastAnswer>
  /** Asks all members. @param options `timeoutMs`: how long answers are collected */
  query(
    message: Message,
    options?: { readonly timeoutMs?: number } & Waiting,
  ): Promise<QueryAnswers>
  put(key: string, value: string | Uint8Array, options?: PutQuery & Waiting): Promise<PutResult>
  /** Undefined when no value was found. */
  get(key: string, options?: GetQuery & Waiting): Promise<DhtAnswer | undefined>
  /** The bytes alone; undefined when no value was found. */
  getRaw(key: string, options?: GetQuery & Waiting): Promise<Uint8Array | undefined>
  delete(key: string, options?: PutQuery & Waiting): Promise<PutResult>
  /** Stores several values, or reads several; fails with the first of them, others may have been stored. */
  batch(
    body: DhtBatch,
    options?: Pick<PutQuery, 'level' | 'ttlMs' | 'timeoutMs'> & Waiting,
  ): Promise<DhtBatchAnswer>
  /** The keys that the node has written, a page. */
  keys(options?: DhtPageOptions & Waiting): Promise<DhtKeyPage>
  /** Of one group, or of all. */
  objects(
    options?: {
      readonly group?: string
      /** Text that names contain. */
      readonly match?: string
      /** So many at most. @default all */
      readonly limit?: number
    } & Waiting,
  ): Promise<ObjectsAnswer>
  /** Undefined when the object, or the map's path, does not exist. */
  object<T extends ObjectType = ObjectType>(
    name: string,
    options?: ObjectQuery<T> & Waiting,
  ): Promise<AnswerOf[T] | undefined>
  setHas(
    name: string,
    value: string,
    options?: { readonly group?: string } & Waiting,
  ): Promise<SetHasAnswer>
  change(
    name: string,
    operation: ObjectOperation,
    options?: { readonly group?: string } & Waiting,
  ): Promise<ObjectChanged>
  /** Several objects, all or nothing. */
  transact(
    operations: readonly NamedOperation[],
    options?: { readonly group?: string } & Waiting,
  ): Promise<TransactionAnswer>
  /** Undoes the last transaction of the node, or one by its number. */
  undo(
    options?: { readonly group?: string; readonly transaction?: number } & Waiting,
  ): Promise<UndoAnswer>
  /** What the node can undo. */
  undoable(options?: { readonly group?: string } & Waiting): Promise<UndoableAnswer>
  /** What the groups hold, as text in pieces: lines of JSON, or CSV. */
  export(
    options?: {
      /** @default "ndjson" */
      readonly format?: 'ndjson' | 'csv'
      /** @default all groups */
      readonly group?: string
    } & Waiting,
  ): AsyncGenerator<Uint8Array, void, void>
  /** Everything the node stores, at one moment: the pieces of a file for `hearsay restore`. */
  backup(options?: Waiting): AsyncGenerator<Uint8Array, void, void>
  /** Events for ever: reconnects and resumes without loss, or yields `reset` when it cannot. */
  events(options?: EventQuery): AsyncGenerator<StreamedEvent, void, void>
  converged(
    options?: { readonly timeoutMs?: number; readonly group?: string } & Waiting,
  ): Promise<ConvergedInfo>
  /** Whether so many linked members hold what the node wrote in a group. @param replicas 1 … 255 */
  replicated(
    replicas: number,
    options?: { readonly timeoutMs?: number; readonly group?: string } & Waiting,
  ): Promise<ReplicatedAnswer>
  join(
    addresses: readonly string[],
    options?: Waiting,
  ): Promise<{ readonly addresses: readonly string[] }>
  tags(options?: Waiting): Promise<TagsAnswer>
  /** Replaces the node's tags. */
  setTags(tags: Readonly<Record<string, string>>, options?: Waiting): Promise<TagsAnswer>
  leave(options?: Waiting): Promise<{ readonly left: boolean }>
  /** Into a private network, by a node that has its key. */
  invite(options?: InviteBody & Waiting): Promise<InviteInfo>
  /** Who may join a private network, by a node that has its key. */
  invites(options?: Waiting): Promise<InviteList>
  /** @param id of an invite, or a peer id */
  revoke(id: string, options?: Waiting): Promise<RevokedInfo>
  /** What the node writes into its log. */
  logLevels(options?: Waiting): Promise<LogLevels>
  setLogLevel(level: LogLevelBody, options?: Waiting): Promise<LogLevels>
  chaos(action: ChaosAction, options?: Waiting): Promise<{ readonly ok: boolean }>
  /** @param options `members: false` leaves out each node's list of all others */
  lab(options?: { readonly members?: boolean } & Waiting): Promise<LabInfo>
}

/**
 * A client of one node's API. Loads nothing but this file, so that command line verbs start in milliseconds.
 *
 * @example
 * const client = createClient({ url: 'http://127.0.0.1:7400', token })
 * await client.change('votes', { type: 'counter', op: 'add', value: 3 })
 */
export function createClient(options: ClientOptions): Client {
  const http = new Transport(options)
  const timed = (query: { readonly timeoutMs?: number } | undefined): Query => ({
    timeoutMs: query?.timeoutMs,
  })
  const named = (query: PutQuery | GetQuery | undefined): Query => ({
    level: query?.level,
    own: query?.own === true ? '' : undefined,
    immutable: query?.immutable === true ? '' : undefined,
    ...timed(query),
  })
  const read = (query: GetQuery | undefined): Query => ({ owner: query?.owner, ...named(query) })
  const written = (query: PutQuery | undefined): Query => ({
    ttl: query?.ttlMs,
    ifVersion: query?.ifVersion,
    ...named(query),
  })
  return {
    livez: (waiting) => http.json({ path: '/livez', accept: [503], ...waiting }),
    readyz: (waiting) => http.json({ path: '/readyz', accept: [503], ...waiting }),
    startupz: (waiting) => http.json({ path: '/startupz', ...waiting }),
    status: (waiting) => http.json({ path: '/v1/status', ...waiting }),
    members: (waiting) => http.json({ path: '/v1/members', ...waiting }),
    explain: async (who, waiting) =>
      http.found({ path: `/v1/members/${segment(who)}/explain`, ...waiting }),
    broadcast: (message, waiting) =>
      http.json({ method: 'POST', path: '/v1/broadcasts', body: message, ...waiting }),
    query: (message, options) =>
      http.json({
        method: 'POST',
        path: '/v1/queries',
        query: timed(options),
        body: message,
        signal: options?.signal,
      }),
    put: async (key, value, query) =>
      http.json({
        method: 'PUT',
        path: `/v1/dht/${segment(key)}`,
        query: written(query),
        value,
        signal: query?.signal,
      }),
    get: async (key, query) =>
      http.found({ path: `/v1/dht/${segment(key)}`, query: read(query), signal: query?.signal }),
    getRaw: async (key, query) => {
      const path = `/v1/dht/${segment(key)}`
      const wanted = { path, query: { raw: '', ...read(query) }, accept: [404] }
      const response = await http.send({ ...wanted, signal: query?.signal })
      return response.status === 404 ? undefined : new Uint8Array(await response.arrayBuffer())
    },
    delete: async (key, query) =>
      http.json({
        method: 'DELETE',
        path: `/v1/dht/${segment(key)}`,
        query: written(query),
        signal: query?.signal,
      }),
    batch: (body, query) =>
      http.json({
        method: 'POST',
        path: '/v1/dht',
        query: { level: query?.level, ttl: query?.ttlMs, ...timed(query) },
        body,
        signal: query?.signal,
      }),
    keys: (query) =>
      http.json({
        path: '/v1/dht',
        query: { own: '', limit: query?.limit, from: query?.from },
        signal: query?.signal,
      }),
    ...objectMethods(http),
    export: (query) =>
      pieces(http, {
        path: '/v1/export',
        query: { format: query?.format, group: query?.group },
        signal: query?.signal,
      }),
    backup: (waiting) => pieces(http, { path: '/v1/backup', signal: waiting?.signal }),
    events: (query) => events(http, query ?? {}),
    converged: (query) =>
      http.json({
        path: '/v1/converged',
        query: { ...timed(query), group: query?.group },
        signal: query?.signal,
      }),
    replicated: (replicas, query) =>
      http.json({
        path: '/v1/replicated',
        query: { replicas: String(replicas), ...timed(query), group: query?.group },
        signal: query?.signal,
      }),
    join: (addresses, waiting) =>
      http.json({ method: 'POST', path: '/v1/join', body: { addresses }, ...waiting }),
    tags: (waiting) => http.json({ path: '/v1/tags', ...waiting }),
    setTags: (tags, waiting) =>
      http.json({ method: 'PUT', path: '/v1/tags', body: { tags }, ...waiting }),
    leave: (waiting) => http.json({ method: 'POST', path: '/v1/leave', body: {}, ...waiting }),
    invite: ({ signal, ...body } = {}) =>
      http.json({ method: 'POST', path: '/v1/invites', body, signal }),
    invites: (waiting) => http.json({ path: '/v1/invites', ...waiting }),
    revoke: async (id, waiting) =>
      http.json({ method: 'DELETE', path: `/v1/invites/${segment(id)}`, ...waiting }),
    logLevels: (waiting) => http.json({ path: '/v1/log', ...waiting }),
    setLogLevel: (body, waiting) => http.json({ method: 'PUT', path: '/v1/log', body, ...waiting }),
    chaos: (action, waiting) =>
      http.json({ method: 'POST', path: '/v1/chaos', body: action, ...waiting }),
    lab: (query) =>
      http.json({
        path: '/v1/lab',
        query: { members: query?.members === false ? 'false' : undefined },
        signal: query?.signal,
      }),
  }
}

/** The body of an answer as it comes. Leaving early closes the connection. */
async function* pieces(http: Transport, sending: Sending): AsyncGenerator<Uint8Array, void, void> {
  const { body } = await http.send(sending)
  if (body !== null) yield* http.read(body, sending)
}

async function* events(
  http: Transport,
  query: EventQuery,
): AsyncGenerator<StreamedEvent, void, void> {
  const { signal } = query
  let { lastEventId } = query
  let hasConnected = false
  let pauseMs = RECONNECT_MS_MIN
  for (;;) {
    const parser = new EventSourceParser(lastEventId)
    try {
      const response = await http.send({
        path: '/v1/events',
        query: { types: query.types?.join(',') },
        headers: lastEventId === undefined ? {} : { 'last-event-id': lastEventId },
        signal,
      })
      hasConnected = true
      const decoder = new TextDecoder()
      for await (const chunk of response.body === null ? [] : chunks(response.body)) {
        yield* parser.push(decoder.decode(chunk, { stream: true }))
        pauseMs = RECONNECT_MS_MIN
      }
    } catch (error) {
      signal?.throwIfAborted()
      // Only a stream that once worked is worth waiting for; and no retry changes a refusal.
      if (!hasConnected || (error instanceof ApiError && isRefusal(error.status))) throw error
    }
    lastEventId = parser.lastEventId
    await pause(pauseMs, signal)
    pauseMs = Math.min(RECONNECT_MS_MAX, pauseMs * 2)
  }
}

function isRefusal(status: number): boolean {
  return status >= 400 && status < 500 && status !== 429
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    const onAbort = (): void => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    }, ms)
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}
