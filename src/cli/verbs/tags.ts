import { withApi } from '../connect.ts'
import { usageError } from '../errors.ts'
import { printable } from '../text.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = {
  examples: [
    ['hearsay tags', 'print the tags of the node'],
    ['hearsay tags role=database zone=a', 'set two, keep the others'],
    ['hearsay tags zone=', 'remove one'],
  ],
  build(command, act) {
    command.argument('[tag...]', 'KEY=VALUE sets, KEY= removes; none: print')
    act(command, async ({ context, operands }) => {
      const changes = operands.map(splitTag)
      return await withApi(context, async (client) => {
        const { tags } = await client.tags()
        const wanted = changed(tags, changes)
        const answer = changes.length === 0 ? { tags } : await client.setTags(wanted)
        context.print.result(answer, () =>
          Object.entries(answer.tags).map(([key, value]) => printable(`${key}=${value}`)),
        )
      })
    })
  },
}

function splitTag(word: string): readonly [string, string] {
  const at = word.indexOf('=')
  if (at > 0) return [word.slice(0, at), word.slice(at + 1)]
  throw usageError(`Cannot use tag: expected KEY=VALUE or KEY=: ${printable(word)}`)
}

/** In the order of keys, as records hold them. */
function changed(
  tags: Readonly<Record<string, string>>,
  changes: readonly (readonly [string, string])[],
): Record<string, string> {
  const wanted = new Map(Object.entries(tags))
  for (const [key, value] of changes) {
    if (value === '') wanted.delete(key)
    else wanted.set(key, value)
  }
  return Object.fromEntries([...wanted].sort(([a], [b]) => (a < b ? -1 : 1)))
}
