import { withApi } from '../connect.ts'
import { packageVersion } from '../package-version.ts'
import { renderTable } from '../table.ts'
import { printable } from '../text.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = {
  examples: [
    ['hearsay version', 'of this program'],
    ['hearsay version --protocols', 'and what the members of the network speak'],
  ],
  build(command, act) {
    command.option('--protocols', 'protocol versions of the live network')
    act(command, async ({ context, settings }) => {
      const version = await packageVersion()
      if (!settings.flag('protocols')) {
        context.print.result({ version, node: process.version }, () => [`hearsay ${version}`])
        return undefined
      }
      return await withApi(context, async (client) => {
        const { members } = await client.members()
        const protocols = members.map(({ name, protocol }) => ({ name, protocol }))
        context.print.result({ version, node: process.version, protocols }, () => [
          `hearsay ${version}`,
          ...renderTable(
            ['MEMBER', 'PROTOCOL'],
            protocols.map(({ name, protocol }) => [printable(name), String(protocol)]),
          ),
        ])
      })
    })
  },
}
