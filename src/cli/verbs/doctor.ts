import { withApi } from '../connect.ts'
import type { Context } from '../context.ts'
import { type Finding, failure, ok, warning } from '../doctor/finding.ts'
import { checkDataDir, checkJoin, checkListen, checkRegistry } from '../doctor/machine-checks.ts'
import { checkNode } from '../doctor/node-checks.ts'
import { EXIT, failureOf } from '../errors.ts'
import { openRegistry } from '../registry.ts'
import { runtimeDir } from '../runtime-dir.ts'
import { upOptions } from '../up-options.ts'
import type { Settings, Verb } from '../verb.ts'

const ASKED: ReadonlySet<string> = new Set(['dataDir', 'listen', 'join'])
const MARKS = { ok: 'ok', warning: 'warning', failure: 'FAILURE' } as const
const STYLES = { ok: 'green', warning: 'yellow', failure: 'red' } as const

export const verb: Verb = {
  examples: [
    ['hearsay doctor', 'look at the node that runs here'],
    ['hearsay doctor --data-dir data --listen /ip4/0.0.0.0/tcp/4001', 'before a node is started'],
    ['hearsay doctor --join seed.example.org:4001', 'whether a seed can be reached'],
  ],
  build(command, act) {
    for (const option of upOptions()) {
      if (ASKED.has(option.attributeName())) command.addOption(option)
    }
    act(command, async ({ context, settings }) => {
      const findings = [
        ...(await machineFindings(context, settings)),
        ...(await nodeFindings(context)),
      ]
      if (context.globals.curl) return undefined
      const isWell = findings.every(({ state }) => state !== 'failure')
      context.print.result({ ok: isWell, checks: findings }, () => linesOf(context, findings))
      return isWell ? EXIT.ok : EXIT.failure
    })
  },
}

async function machineFindings(context: Context, settings: Settings): Promise<readonly Finding[]> {
  const { entries, problems } = await openRegistry(runtimeDir(context.io.env)).list()
  const own = entries.flatMap(({ addresses }) => addresses)
  const dataDir = settings.text('dataDir')
  const found = await Promise.all([
    dataDir === undefined ? [] : checkDataDir(dataDir),
    ...settings.list('listen').map(async (address) => [await checkListen(address, own)]),
    ...settings.list('join').map((address) => checkJoin(address)),
  ])
  return [...checkRegistry(problems), ...found.flat()]
}

/** What the node that was chosen says; why it cannot be asked is a finding too. */
async function nodeFindings(context: Context): Promise<readonly Finding[]> {
  const findings: Finding[] = []
  const { api, node } = context.globals
  try {
    await withApi(context, async (client, { label }) => {
      const ready = await client.readyz()
      const [status, members] = await Promise.all([client.status(), client.members()])
      findings.push(ok('api', `${label} answers, and takes the token`))
      findings.push(...checkNode({ ready, status, members }))
      return undefined
    })
  } catch (error) {
    const { code, message, hint } = failureOf(error)
    const isNobody = code === 'ERR_NO_NODE' && api === undefined && node === undefined
    const next = hint === '' ? 'hearsay up' : hint
    findings.push(isNobody ? warning('node', message, next) : failure('api', message, next))
  }
  return findings
}

function linesOf({ print }: Context, findings: readonly Finding[]): readonly string[] {
  return findings.flatMap(({ check, state, message, hint }) => {
    const mark = print.paint(STYLES[state], MARKS[state].padEnd(9))
    const line = `${mark}${check.padEnd(11)}${message}`
    return hint === undefined ? [line] : [line, print.paint('dim', `${' '.repeat(20)}${hint}`)]
  })
}
