import type { InviteList } from '../../index.ts'
import { withApi } from '../connect.ts'
import { renderTable } from '../table.ts'
import { printable } from '../text.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = {
  examples: [
    ['hearsay invites', 'who may join by an invite, as what, and what was revoked'],
    ['hearsay invites --json | jq -r .invites[].id', 'for scripts'],
  ],
  build(command, act) {
    act(command, async ({ context }) =>
      withApi(context, async (client) => {
        const { print } = context
        const list = await client.invites()
        print.result(list, () => table(list))
        if (list.invites.length + list.revocations.length > 0) return
        print.note('note: no invites: "hearsay invite FILE" makes one')
      }),
    )
  },
}

/** Invites, then revocations of anything else. */
function table({ invites, revocations }: InviteList): readonly string[] {
  const listed = new Set(invites.map(({ id }) => id))
  const revokedAt = new Map(revocations.map(({ id, revokedAt: at }) => [id, at]))
  const rows = invites.map(({ id, role, state, peerId, issuedAt, expiresAt }) => {
    const revoked = state === 'revoked' ? (revokedAt.get(id) ?? revokedAt.get(peerId ?? '')) : '-'
    return [id, role, state, peerId ?? '-', issuedAt, expiresAt, revoked ?? '-']
  })
  const others = revocations.filter(({ id }) => !listed.has(id))
  for (const { id, revokedAt: at, until } of others) {
    rows.push([id, '-', 'revoked', '-', '-', until, at])
  }
  if (rows.length === 0) return []
  const head = ['ID', 'ROLE', 'STATE', 'PEER', 'ISSUED', 'EXPIRES', 'REVOKED']
  return renderTable(
    head,
    rows.map((row) => row.map(printable)),
  )
}
