import { Option } from 'commander'
import { withApi } from '../connect.ts'
import { formatDuration } from '../duration.ts'
import { durationOption } from '../flags.ts'
import { printable } from '../text.ts'
import type { Settings, Verb } from '../verb.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const TTL_MS_MAX = 366 * DAY_MS
const TTL_MS_DEFAULT = 3_600_000
const ROLES = ['member', 'observer'] as const

export const verb: Verb = {
  examples: [
    ['hearsay invite > bob.invite', 'for an hour, for whoever uses it first'],
    ['hearsay up --invite bob.invite --data-dir ./bob', 'there: it takes part, without the key'],
    ['hearsay invite --ttl 30d --json', 'for a month; with its id and expiry'],
    ['hearsay invite --for 12D3KooW…', 'for this peer alone: no secret'],
  ],
  build(command, act) {
    command
      .addOption(
        durationOption('--ttl <duration>', 'how long it holds, at most 366d', TTL_MS_MAX).default(
          TTL_MS_DEFAULT,
          '1h',
        ),
      )
      .addOption(
        new Option('--role <role>', 'member; observers are not admitted yet')
          .choices([...ROLES])
          .default('member'),
      )
      .addOption(new Option('--for <peer-id>', 'whom it is for (default: whoever uses it first)'))
    act(command, async ({ context, settings }) =>
      withApi(context, async (client) => {
        const made = await client.invite(bodyOf(settings))
        context.print.result(made, () => [made.invite])
        const left = formatDuration(Date.parse(made.expiresAt) - Date.now())
        const whom = made.peerId === undefined ? 'whoever uses it first' : printable(made.peerId)
        context.print.note(
          `note: for ${whom}, as ${made.role} of ${printable(made.network)}, for ${left}`,
        )
        context.print.note(`note: "hearsay revoke ${printable(made.id)}" takes it back`)
      }),
    )
  },
}

function bodyOf(settings: Settings): {
  readonly ttlMs: number
  readonly role: (typeof ROLES)[number]
  readonly peerId?: string
} {
  const peerId = settings.text('for')
  return {
    ttlMs: settings.number('ttl') ?? TTL_MS_DEFAULT,
    role: ROLES.find((role) => role === settings.text('role')) ?? 'member',
    ...(peerId === undefined ? {} : { peerId }),
  }
}
