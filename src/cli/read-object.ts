import type { Client } from '../http/client.ts'
import type { AnswerOf } from '../http/shapes.ts'
import type { ObjectType } from '../index.ts'
import type { Context } from './context.ts'
import { notFoundError } from './errors.ts'
import { printable } from './text.ts'

/** Reads an object of the chosen group. @throws {CliError} exit 4 when nobody has written to it */
export async function readObject<T extends ObjectType>(
  client: Client,
  context: Context,
  wanted: { readonly name: string; readonly type: T },
): Promise<AnswerOf[T]> {
  const { group } = context.globals
  const found = await client.object<T>(wanted.name, { type: wanted.type, group })
  if (found !== undefined) return found
  throw notFoundError(
    `No ${wanted.type} named ${printable(wanted.name)} in group ${printable(group)}`,
    'See what there is with "hearsay objects"',
  )
}
