import * as z from 'zod'
import type { ObjectInfo, OperationResult } from '../../index.ts'
import type {
  CounterAnswer,
  MapAnswer,
  ObjectAnswer,
  ObjectChanged,
  ObjectsAnswer,
  RegisterAnswer,
  SetAnswer,
  SetChangedAnswer,
  SetHasAnswer,
  TransactionAnswer,
  UndoAnswer,
  UndoableAnswer,
} from '../shapes.ts'
import { anyJson, count, flag, objectType, text, texts } from './basics.ts'
import { maybe, objectOf } from './object-of.ts'

type Kept = UndoAnswer['kept'][number]
type Undoable = UndoableAnswer['transactions'][number]

export const counterSchema: z.ZodType<CounterAnswer> = objectOf<CounterAnswer>({
  name: text,
  type: z.literal('counter'),
  value: z.union([z.int(), z.string().regex(/^-?\d+$/)]),
})

export const setSchema: z.ZodType<SetAnswer> = objectOf<SetAnswer>({
  name: text,
  type: z.literal('set'),
  values: texts,
  size: maybe(count),
})

export const setHasSchema: z.ZodType<SetHasAnswer> = objectOf<SetHasAnswer>({
  name: text,
  type: z.literal('set'),
  has: flag,
})

export const setChangedSchema: z.ZodType<SetChangedAnswer> = objectOf<SetChangedAnswer>({
  name: text,
  type: z.literal('set'),
  size: count,
  changed: count,
})

export const registerSchema: z.ZodType<RegisterAnswer> = objectOf<RegisterAnswer>({
  name: text,
  type: z.literal('register'),
  value: anyJson,
  siblings: z.array(anyJson),
})

export const mapSchema: z.ZodType<MapAnswer> = objectOf<MapAnswer>({
  name: text,
  type: z.literal('map'),
  value: anyJson,
  path: maybe(texts),
  changed: maybe(count),
})

/** What reading one answers. */
export const objectSchema: z.ZodType<ObjectAnswer | SetHasAnswer> = z.union([
  counterSchema,
  setSchema,
  setHasSchema,
  registerSchema,
  mapSchema,
])

/** What writing one answers. */
export const objectChangedSchema: z.ZodType<ObjectChanged> = z.union([
  counterSchema,
  setChangedSchema,
  registerSchema,
  mapSchema,
])

const infoSchema: z.ZodType<ObjectInfo> = objectOf<ObjectInfo>({
  name: text,
  type: objectType,
  group: text,
})

export const objectsSchema: z.ZodType<ObjectsAnswer> = objectOf<ObjectsAnswer>({
  objects: z.array(infoSchema),
  total: maybe(count),
})

const resultSchema: z.ZodType<OperationResult> = objectOf<OperationResult>({
  name: text,
  type: objectType,
  changed: count,
})

export const transactionSchema: z.ZodType<TransactionAnswer> = objectOf<TransactionAnswer>({
  group: text,
  results: z.array(resultSchema),
})

export const undoSchema: z.ZodType<UndoAnswer> = objectOf<UndoAnswer>({
  group: text,
  transaction: count,
  undoneBy: maybe(count),
  undone: z.array(resultSchema),
  kept: z.array(
    objectOf<Kept>({
      name: text,
      type: objectType,
      path: maybe(texts),
      value: maybe(text),
      reason: z.enum(['changed-since', 'grow-only']),
    }),
  ),
})

export const undoableSchema: z.ZodType<UndoableAnswer> = objectOf<UndoableAnswer>({
  group: text,
  transactions: z.array(
    objectOf<Undoable>({
      transaction: count,
      undoes: maybe(count),
      objects: z.array(objectOf<Undoable['objects'][number]>({ name: text, type: objectType })),
    }),
  ),
})
