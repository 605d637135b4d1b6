import type * as z from 'zod'
import {
  broadcastSchema,
  explainSchema,
  messageSchema,
  queryAnswersSchema,
} from './cast-schemas.ts'
import { dhtBatchAnswerSchema, dhtBatchSchema } from './dht-batch-schemas.ts'
import { dhtKeysSchema } from './dht-key-schemas.ts'
import { dhtAnswerSchema, putSchema } from './dht-schemas.ts'
import { eventSchema, exportRecordSchema } from './event-schemas.ts'
import {
  inviteBodySchema,
  inviteListSchema,
  inviteSchema,
  revokedSchema,
} from './invite-schemas.ts'
import { chaosActionSchema, chaosDoneSchema, labSchema } from './lab-schemas.ts'
import { logLevelSchema, logLevelsSchema } from './log-schemas.ts'
import {
  convergedSchema,
  joinSchema,
  leftSchema,
  liveSchema,
  memberSchema,
  membersSchema,
  readySchema,
  replicatedSchema,
  startedSchema,
  statusSchema,
  tagsSchema,
} from './node-answers.ts'
import {
  counterSchema,
  mapSchema,
  objectChangedSchema,
  objectSchema,
  objectsSchema,
  registerSchema,
  setChangedSchema,
  setHasSchema,
  setSchema,
  transactionSchema,
  undoableSchema,
  undoSchema,
} from './object-answers.ts'
import {
  objectOperationSchema,
  transactionBodySchema,
  undoBodySchema,
} from './operation-schemas.ts'
import { problemSchema } from './problem-schema.ts'

/** The schemas that have a name in `/openapi.json`. */
export const COMPONENTS: Readonly<Record<string, z.ZodType>> = {
  Broadcast: broadcastSchema,
  ChaosAction: chaosActionSchema,
  ChaosDone: chaosDoneSchema,
  Converged: convergedSchema,
  Counter: counterSchema,
  DhtBatch: dhtBatchSchema,
  DhtBatchAnswer: dhtBatchAnswerSchema,
  DhtKeys: dhtKeysSchema,
  DhtValue: dhtAnswerSchema,
  Event: eventSchema,
  Explanation: explainSchema,
  ExportRecord: exportRecordSchema,
  Invite: inviteSchema,
  InviteBody: inviteBodySchema,
  Invites: inviteListSchema,
  Join: joinSchema,
  Lab: labSchema,
  Left: leftSchema,
  Live: liveSchema,
  LogLevel: logLevelSchema,
  LogLevels: logLevelsSchema,
  Map: mapSchema,
  Member: memberSchema,
  Members: membersSchema,
  Message: messageSchema,
  Object: objectSchema,
  ObjectChanged: objectChangedSchema,
  ObjectOperation: objectOperationSchema,
  Objects: objectsSchema,
  Problem: problemSchema,
  Put: putSchema,
  QueryAnswers: queryAnswersSchema,
  Ready: readySchema,
  Register: registerSchema,
  Replicated: replicatedSchema,
  Revoked: revokedSchema,
  Set: setSchema,
  SetChanged: setChangedSchema,
  SetHas: setHasSchema,
  Started: startedSchema,
  Status: statusSchema,
  Tags: tagsSchema,
  Transaction: transactionSchema,
  TransactionBody: transactionBodySchema,
  Undo: undoSchema,
  UndoBody: undoBodySchema,
  Undoable: undoableSchema,
}
