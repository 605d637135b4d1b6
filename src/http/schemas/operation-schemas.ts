import * as z from 'zod'
import type { NamedOperation, ObjectOperation } from '../shapes.ts'
import { anyJson } from './basics.ts'
import { maybe, objectOf } from './object-of.ts'

/** host.md: path depth of a map. */
const PATH_DEPTH_MAX = 32

const listOfTexts = z.array(z.string('expected a text'), 'expected a list of texts')
const amount = z.int('expected an integer of at most 2^53 - 1')
const element = z.string('expected a text')
/** Of a leaf. */
const leaf = listOfTexts
  .min(1, `expected 1 to ${PATH_DEPTH_MAX} keys`)
  .max(PATH_DEPTH_MAX, `expected 1 to ${PATH_DEPTH_MAX} keys`)
/** As {@link leaf}, or nothing for the whole map. */
const branch = listOfTexts.max(PATH_DEPTH_MAX, `expected at most ${PATH_DEPTH_MAX} keys`)
const elements = { value: z.exactOptional(element), values: z.exactOptional(listOfTexts) }

/** A map's path as it stands in a query: `["a","b"]` once parsed, or `a.b` split. */
export const mapPathSchema: z.ZodType<readonly string[]> = leaf

function isOne(body: { readonly value?: unknown; readonly values?: unknown }): boolean {
  return (body.value === undefined) !== (body.values === undefined)
}

/** One text as `value`, or a list as `values`. */
const A_TYPE = 'expected counter, set, register or map'
const ONE = 'expected one of value and values'

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}

const counterAdd = {
  type: z.literal('counter'),
  op: z.literal('add', 'expected add'),
  value: z.exactOptional(amount),
  growOnly: z.exactOptional(z.boolean('expected true or false')),
}
const setChange = {
  type: z.literal('set'),
  op: z.enum(['add', 'remove'], 'expected add or remove'),
  ...elements,
}
const registerSet = {
  type: z.literal('register'),
  op: z.literal('set', 'expected set'),
  value: anyJson,
}
const map = { type: z.literal('map') }
const mapSet = { ...map, op: z.literal('set'), path: leaf, value: anyJson }
const mapRemove = { ...map, op: z.literal('remove'), path: branch }
const mapIncrement = {
  ...map,
  op: z.literal('increment'),
  path: leaf,
  value: z.exactOptional(amount),
}
const mapElements = { ...map, op: z.enum(['add', 'discard']), path: leaf, ...elements }

/** The operations, with what all of them carry beside: a misspelt or misplaced field is no silent default. */
function operations<Shape extends z.core.$ZodLooseShape>(beside: Shape) {
  return z.discriminatedUnion(
    'type',
    [
      z.strictObject({ ...beside, ...counterAdd }),
      z.strictObject({ ...beside, ...setChange }).refine(isOne, ONE),
      z.strictObject({ ...beside, ...registerSet }),
      z.discriminatedUnion(
        'op',
        [
          z.strictObject({ ...beside, ...mapSet }),
          z.strictObject({ ...beside, ...mapRemove }),
          z.strictObject({ ...beside, ...mapIncrement }),
          z.strictObject({ ...beside, ...mapElements }).refine(isOne, ONE),
        ],
        'expected set, remove, increment, add or discard',
      ),
    ],
    { error: ({ input }) => (isObject(input) ? A_TYPE : 'expected an object') },
  )
}

/** The body of `POST /v1/objects/{name}`. */
export const objectOperationSchema: z.ZodType<ObjectOperation> = operations({})

/** The body of `POST /v1/transactions`. How many operations one transaction takes is the node's to say. */
export const transactionBodySchema: z.ZodType<{ readonly operations: readonly NamedOperation[] }> =
  z.strictObject({
    operations: z.array(
      operations({ name: z.string('expected a name').min(1, 'expected a name') }),
      'expected a list',
    ),
  })

export interface UndoBody {
  readonly transaction?: number
}

/** The body of `POST /v1/undo`. */
export const undoBodySchema: z.ZodType<UndoBody> = objectOf<UndoBody>({
  transaction: maybe(
    z.int('expected its number, as GET /v1/undo lists it').min(1, 'expected its number'),
  ),
})
