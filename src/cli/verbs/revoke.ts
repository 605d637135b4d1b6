import { withApi } from '../connect.ts'
import { printable } from '../text.ts'
import type { Verb } from '../verb.ts'
import { operand } from '../verb-parts.ts'

export const verb: Verb = {
  examples: [
    ['hearsay revoke 3f0c…', 'an invite, used or not, by the id that "hearsay invite" told'],
    ['hearsay revoke 12D3KooW…', 'all that a peer was given until now'],
  ],
  build(command, act) {
    command.argument('<id>', 'id of an invite, or peer id')
    act(command, async ({ context, operands }) =>
      withApi(context, async (client) => {
        const revoked = await client.revoke(operand(operands, 0))
        const id = printable(revoked.id)
        context.print.result(revoked, () => [`revoked ${id} until ${printable(revoked.until)}`])
        if (revoked.isKnown) return
        context.print.note(`note: the node does not know what ${id} is: check that it is the one`)
      }),
    )
  },
}
