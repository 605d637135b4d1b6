import { Command, type Option } from 'commander'
import { addGlobalFlags } from '../../src/cli/flags.ts'
import type { Example, Handler } from '../../src/cli/verb.ts'
import { VERBS } from '../../src/cli/verbs.ts'

/** One thing that can be called: a verb, or a verb of a verb. */
export interface Leaf {
  /** `counter add` */
  readonly name: string
  readonly command: Command
  readonly program: Command
  /** Its own flags, then those that all share. */
  readonly options: readonly { readonly owner: Command; readonly option: Option }[]
  readonly examples: readonly Example[]
}

/**
 * The whole command line, made anew.
 * @param onCall called instead of the verb
 * @param only one verb. @default all
 */
export async function commandTree(
  onCall: (command: Command, handler: Handler) => Promise<void> = async () => undefined,
  only?: string,
): Promise<readonly Leaf[]> {
  const leaves: Leaf[] = []
  for (const entry of VERBS) {
    if (only !== undefined && entry.name !== only) continue
    const program = new Command('hearsay').exitOverride().configureOutput({ writeErr: () => {} })
    addGlobalFlags(program, entry.servesApi)
    const command = program.command(entry.name).description(entry.summary)
    const { build, examples } = await entry.load()
    build(command, (called, handler) => {
      called.action(() => onCall(called, handler))
    })
    for (const called of command.commands.length === 0 ? [command] : command.commands) {
      const own = called.options.map((option) => ({ owner: called, option }))
      const shared = program.options.map((option) => ({ owner: program, option }))
      const name = called === command ? entry.name : `${entry.name} ${called.name()}`
      leaves.push({ name, command: called, program, options: [...own, ...shared], examples })
    }
  }
  return leaves
}
