import type { Command } from 'commander'
import type { ObjectOperation } from '../../http/shapes.ts'
import type { Json } from '../../index.ts'
import { withApi } from '../connect.ts'
import type { Context } from '../context.ts'
import { notFoundError, usageError } from '../errors.ts'
import { parseJsonInput } from '../json-input.ts'
import { readObject } from '../read-object.ts'
import { jsonLine, printable } from '../text.ts'
import { addExamples, type Handler, type Verb } from '../verb.ts'
import { operand, parseInteger, parsePath } from '../verb-parts.ts'

export const verb: Verb = {
  examples: [],
  build(command, act) {
    const set = command
      .command('set <name> <path> <value>')
      .description('write JSON at a path such as a.b.c')
    addExamples(set, [
      ['hearsay map set users ada.age 36', 'a number'],
      [`hearsay map set users ada.name '"Ada"'`, 'text is JSON, with its quotes'],
    ])
    act(set, write)

    const get = command.command('get <name> [path]').description('print the JSON at a path, or all')
    addExamples(get, [
      ['hearsay map get users', 'everything'],
      ['hearsay map get users ada.age', 'one value'],
    ])
    act(get, read)

    const remove = command
      .command('remove <name> [path]')
      .description('remove what is at a path')
      .option('--all', 'remove all of the map, instead of PATH')
    addExamples(remove, [
      ['hearsay map remove users ada', 'and everything below'],
      ['hearsay map remove users --all', 'the whole map'],
    ])
    act(remove, async ({ context, operands, settings }) => {
      const path = removedPath(operands[1], settings.flag('all'))
      return await change(context, operand(operands, 0), { type: 'map', op: 'remove', path })
    })
    buildLeaves(command, act)
    addExamples(command, [
      ['hearsay map set users ada.age 36', 'write'],
      ['hearsay map increment users ada.visits', 'count'],
      ['hearsay map get users', 'read'],
    ])
  },
}

/** A path that somebody forgot is not the whole map. */
function removedPath(text: string | undefined, isAll: boolean): readonly string[] {
  if (isAll === (text !== undefined)) {
    throw usageError(
      isAll ? 'Cannot use PATH and --all together' : 'Cannot remove: PATH is missing',
      'Send a PATH such as a.b.c, or --all for the whole map',
    )
  }
  return text === undefined ? [] : parsePath(text)
}

/** Counters and sets as leaves. */
function buildLeaves(command: Command, act: Parameters<Verb['build']>[1]): void {
  const increment = command
    .command('increment <name> <path> [n]')
    .description('add N (default 1, may be negative) to the counter at a path')
  addExamples(increment, [
    ['hearsay map increment users ada.visits', 'one more'],
    ['hearsay map increment users ada.visits -3', 'three fewer'],
  ])
  act(increment, async ({ context, operands }) => {
    const path = parsePath(operand(operands, 1))
    const value = parseInteger(operands[2] ?? '1')
    return await change(context, operand(operands, 0), {
      type: 'map',
      op: 'increment',
      path,
      value,
    })
  })

  const add = command
    .command('add <name> <path> <value...>')
    .description('add texts to the set at a path')
  addExamples(add, [['hearsay map add users ada.tags maths poetry', 'add two']])
  act(add, changeSet('add'))

  const discard = command
    .command('discard <name> <path> <value...>')
    .description('take texts out of the set at a path')
  addExamples(discard, [['hearsay map discard users ada.tags poetry', 'take one out']])
  act(discard, changeSet('discard'))
}

function changeSet(op: 'add' | 'discard'): Handler {
  return async ({ context, operands }) => {
    const [name = '', pathText = '', ...values] = operands
    const path = parsePath(pathText)
    return await change(context, name, { type: 'map', op, path, values })
  }
}

const write: Handler = async ({ context, operands }) => {
  const path = parsePath(operand(operands, 1))
  const value = parseJson(operand(operands, 2))
  return await change(context, operand(operands, 0), { type: 'map', op: 'set', path, value })
}

/** Does it and prints what then stands in the map: all of it, or the leaf that was counted or collected. */
async function change(
  context: Context,
  name: string,
  operation: Extract<ObjectOperation, { readonly type: 'map' }>,
): Promise<number | undefined> {
  const { group } = context.globals
  return await withApi(context, async (client) => {
    const state = await client.change(name, operation, { group })
    context.print.result(state, () => {
      if (!('value' in state)) return []
      const isWhole = operation.op === 'set' || operation.op === 'remove'
      const value = valueAt(state.value, isWhole ? [] : operation.path)
      return [value === undefined ? '' : jsonLine(value)]
    })
  })
}

const read: Handler = async ({ context, operands }) => {
  const name = operand(operands, 0)
  const pathText = operands[1]
  const path = pathText === undefined ? [] : parsePath(pathText)
  return await withApi(context, async (client) => {
    const state = await readObject(client, context, { name, type: 'map' })
    // The node only knows paths of leaves; people also follow a path into the JSON of a leaf.
    const value = valueAt(state.value, path)
    if (value === undefined) {
      throw notFoundError(
        `Nothing at ${printable(pathText ?? '')} in map ${printable(name)}`,
        `See all of it with "hearsay map get ${printable(name)}"`,
      )
    }
    context.print.result({ ...state, value }, () => [jsonLine(value)])
  })
}

function valueAt(value: Json, path: readonly string[]): Json | undefined {
  let at: Json | undefined = value
  for (const part of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, part)) return undefined
    at = Object.entries(at).find(([key]) => key === part)?.[1]
  }
  return at
}

function parseJson(text: string): Json {
  try {
    return parseJsonInput('VALUE', text)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw usageError(`Cannot use VALUE: it is no JSON: ${text}`, `Text needs quotes: '"${text}"'`)
  }
}
