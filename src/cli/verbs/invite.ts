import { Option } from 'commander'
import type { InviteInfo } from '../../index.ts'
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
    ['hearsay invite bob.invite', 'for an hour, for whoever uses it first; a file for you alone'],
    ['hearsay up --invite bob.invite --data-dir ./bob', 'there: it takes part, without the key'],
    ['hearsay invite --ttl 30d --json', 'for a month; printed, with its id and expiry'],
    ['hearsay invite eve.invite --role observer', 'for somebody who may read, and not write'],
    ['hearsay invite --for 12D3KooW…', 'for this peer alone: no secret'],
  ],
  build(command, act) {
    command
      .argument('[file]', 'new file to write it into (default: standard output)')
      .addOption(
        durationOption('--ttl <duration>', 'how long it holds, at most 366d', TTL_MS_MAX).default(
          TTL_MS_DEFAULT,
          '1h',
        ),
      )
      .addOption(
        new Option('--role <role>', 'observer: it reads, and nobody takes a write of it')
          .choices([...ROLES])
          .default('member'),
      )
      .addOption(new Option('--for <peer-id>', 'whom it is for (default: whoever uses it first)'))
    act(command, async ({ context, settings, operands }) =>
      withApi(context, async (client) => {
        const { print } = context
        const [file] = operands
        const body = bodyOf(settings)
        let made: InviteInfo
        if (file === undefined) {
          made = await client.invite(body)
          print.result(made, () => [made.invite])
        } else {
          made = await invitedInto(file, () => client.invite(body))
          // The secret is in the file alone.
          const { invite: _, ...told } = made
          print.result({ file, ...told }, () => [`${printable(file)}: an invite`])
        }
        const left = formatDuration(Date.parse(made.expiresAt) - Date.now())
        const whom = made.peerId === undefined ? 'whoever uses it first' : printable(made.peerId)
        print.note(`note: for ${whom}, as ${made.role} of ${printable(made.network)}, for ${left}`)
        print.note(`note: "hearsay revoke ${printable(made.id)}" takes it back`)
      }),
    )
  },
}

/** Asks for an invite once a file for it is open. @throws {CliError} ERR_FILE: it cannot be written, or exists */
async function invitedInto(file: string, ask: () => Promise<InviteInfo>): Promise<InviteInfo> {
  const { writeWholeFile } = await import('../whole-file.ts')
  const asked = Promise.withResolvers<InviteInfo>()
  asked.promise.catch(() => {})
  async function* line(): AsyncGenerator<Uint8Array, void, void> {
    const made = await ask()
    asked.resolve(made)
    yield Buffer.from(`${made.invite}\n`)
  }
  const hint = 'Choose another name: it may be an invite that somebody waits for'
  return await writeWholeFile(file, line(), {
    replaces: false,
    hint,
    check: () => asked.promise,
  })
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
