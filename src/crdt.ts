import {
  type DocumentOptions,
  ReplicatedDocument,
} from './replication/document/replicated-document.ts'

export { type ErrorCode, HearsayError } from './base/errors.ts'
export type { ReplicaId } from './base/ids.ts'
export type { RegisterValue } from './crdt/object-view.ts'
export type { Json, ObjectType, Operation } from './crdt/operation.ts'
export type {
  DocumentChange,
  DocumentOptions,
  DocumentView,
  IntegrateOptions,
  Integration,
  IntegrationRefusal,
  ReplicatedDocument,
} from './replication/document/replicated-document.ts'
export { decodeVersion, encodeVersion, type Version } from './replication/document/version.ts'

/**
 * Makes an empty document.
 *
 * @example
 * const replica = crypto.getRandomValues(new Uint8Array(16))
 * const list = createDocument({ replica, now: Date.now })
 * list.transact([{ type: 'set-add', object: 'items', values: ['milk'] }])
 *
 * @throws {TypeError} `replica` is not 16 bytes
 */
export function createDocument(options: DocumentOptions): ReplicatedDocument {
  return new ReplicatedDocument(options)
}

/**
 * Makes a document of a snapshot of any size. Without its log it tells others events from here on, and all that
 * lives to whoever has seen less.
 * @returns undefined when the bytes are no snapshot, or a damaged one
 * @throws {TypeError} as {@link createDocument}
 */
export function loadDocument(
  snapshot: Uint8Array,
  options: DocumentOptions,
): ReplicatedDocument | undefined {
  const made = new ReplicatedDocument(options)
  const { refused } = made.integrate(snapshot, { eventsMax: Infinity })
  made.changes()
  return refused === undefined ? made : undefined
}
