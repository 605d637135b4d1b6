import { LOG_COMPONENTS, LOG_LEVELS } from '../../http/log-control.ts'
import type { LogLevelBody } from '../../http/shapes.ts'
import { withApi } from '../connect.ts'
import { usageError } from '../errors.ts'
import { printable } from '../text.ts'
import { addExamples, type Verb } from '../verb.ts'

export const verb: Verb = {
  examples: [],
  build(command, act) {
    const level = command
      .command('level')
      .argument('[level]', `LEVEL or COMPONENT=LEVEL: ${LOG_LEVELS.join(', ')}`)
      .description('print or change what a running node writes into its log')
    const examples = [
      ['hearsay log level', 'the levels of the node'],
      ['hearsay log level debug', 'everything, until the node ends'],
      ['hearsay log level links=debug', `one component: ${LOG_COMPONENTS.join(', ')}`],
    ] as const
    addExamples(level, examples)
    act(level, async ({ context, operands }) => {
      const [word] = operands
      const wanted = word === undefined ? undefined : parseLevel(word)
      return await withApi(context, async (client) => {
        const levels =
          wanted === undefined ? await client.logLevels() : await client.setLogLevel(wanted)
        context.print.result(levels, () => [
          levels.level,
          ...Object.entries(levels.components).map(([name, own]) => `${printable(name)}=${own}`),
        ])
      })
    })
    addExamples(command, examples)
  },
}

/** `debug` or `links=debug`. @throws {CliError} exit 2 */
function parseLevel(word: string): LogLevelBody {
  const [name, text] = word.includes('=') ? word.split('=', 2) : [undefined, word]
  const level = LOG_LEVELS.find((one) => one === text)
  const component = LOG_COMPONENTS.find((one) => one === name)
  if (level === undefined || (name !== undefined && component === undefined)) {
    throw usageError(
      `Cannot use level: expected [COMPONENT=]LEVEL: ${printable(word)}`,
      `Levels: ${LOG_LEVELS.join(', ')}. Components: ${LOG_COMPONENTS.join(', ')}`,
    )
  }
  return component === undefined ? { level } : { level, component }
}
