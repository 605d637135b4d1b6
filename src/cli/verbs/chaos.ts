import type { Command } from 'commander'
import type { ChaosAction } from '../../http/shapes.ts'
import { type Work, withApi, withEach } from '../connect.ts'
import type { Context } from '../context.ts'
import { parseDuration } from '../duration.ts'
import { CliError, EXIT, notFoundError, usageError } from '../errors.ts'
import type { RegistryEntry } from '../registry.ts'
import { noNodeError, runningNodes } from '../target.ts'
import { printable } from '../text.ts'
import { addExamples, type Example, type Handler, type Verb } from '../verb.ts'
import { operand } from '../verb-parts.ts'

type Act = (command: Command, handler: Handler) => void
type ToFault = (operands: readonly string[]) => ChaosAction

export const verb: Verb = {
  examples: [],
  build(command, act) {
    const add = (usage: string, description: string, examples: readonly Example[], to: ToFault) =>
      addFault(command, act, { usage, description, examples, to })
    add(
      'partition <sides>',
      'cut the network: sides by |, members by comma',
      [["hearsay chaos partition 'a,b|c,d,e'", 'two sides']],
      ([sides = '']) => ({ action: 'partition', sides: parseSides(sides) }),
    )
    add('heal', 'take back every fault', [['hearsay chaos heal', 'all is well again']], () => ({
      action: 'heal',
    }))
    add(
      'loss <share>',
      'lose this share of all frames, 0 … 1',
      [['hearsay chaos loss 0.2', 'one in five']],
      (operands) => ({ action: 'loss', share: parseShare(operand(operands, 0)) }),
    )
    add(
      'latency <duration>',
      'delay all frames',
      [['hearsay chaos latency 50ms', 'each way']],
      (operands) => ({ action: 'latency', ms: parseLatency(operand(operands, 0)) }),
    )
    for (const [action, does] of [
      ['kill', 'end a node as a crash would'],
      ['restart', 'start a killed node again'],
      ['pause', 'freeze a node'],
      ['resume', 'let a frozen node go on'],
    ] as const) {
      add(`${action} <name>`, does, [[`hearsay chaos ${action} c`, 'node c']], (operands) => ({
        action,
        name: operand(operands, 0),
      }))
    }
    addExamples(command, [
      ["hearsay chaos partition 'a,b|c,d,e'", 'cut the network in two'],
      ['hearsay chaos heal', 'and join it again'],
    ])
  },
}

function addFault(
  parent: Command,
  act: Act,
  fault: {
    readonly usage: string
    readonly description: string
    readonly examples: readonly Example[]
    readonly to: ToFault
  },
): void {
  const command = parent.command(fault.usage).description(fault.description)
  addExamples(command, fault.examples)
  act(command, async ({ context, operands }) => inject(context, fault.to(operands)))
}

/**
 * In a demo one call to its API reaches every node; nodes of their own are told one by one, because
 * each of them can only cut its own links.
 */
async function inject(context: Context, fault: ChaosAction): Promise<number | undefined> {
  const work: Work = async (client) => {
    await client.chaos(fault)
    return undefined
  }
  const { api, node } = context.globals
  if (api !== undefined) {
    await withApi(context, work)
  } else {
    const { registry, entries } = await runningNodes(context)
    await withEach(context, { registry, entries: targetsOf(entries, fault, node) }, work)
  }
  if (!context.globals.curl) {
    context.print.result({ ok: true, ...fault }, () => [describe(fault)])
  }
  return undefined
}

function targetsOf(
  entries: readonly RegistryEntry[],
  fault: ChaosAction,
  node: string | undefined,
): readonly RegistryEntry[] {
  if (entries.length === 0) throw noNodeError()
  const willing = entries.filter((entry) => entry.chaos)
  const chosen = willing.find((entry) => entry.name === node || entry.peerId === node)
  const demo = node === undefined ? willing.find((entry) => entry.lab !== undefined) : chosen
  if (demo?.lab !== undefined) return [demo]
  const alone = willing.filter((entry) => entry.lab === undefined)
  const targets = 'name' in fault ? alone.filter((entry) => entry.name === fault.name) : alone
  if (targets.length > 0) return targets
  if ('name' in fault && alone.length > 0) {
    throw notFoundError(`No node named ${printable(fault.name)} runs here with --chaos`)
  }
  throw new CliError(EXIT.failure, 'ERR_UNSUPPORTED', 'No running node allows fault injection', {
    hint: 'Start a demo with "hearsay demo", or nodes with "hearsay up --chaos"',
  })
}

function describe(fault: ChaosAction): string {
  switch (fault.action) {
    case 'partition':
      return `partitioned: ${fault.sides.map((side) => side.map(printable).join(', ')).join('  |  ')}`
    case 'heal':
      return 'healed: every fault is taken back'
    case 'loss':
      return `losing ${Math.round(fault.share * 100)} % of all frames`
    case 'latency':
      return `delaying every frame by ${fault.ms} ms`
    case 'kill':
    case 'restart':
    case 'pause':
    case 'resume':
      return `${fault.action}: ${printable(fault.name)}`
  }
}

/** `a,b|c,d,e` → its sides. @throws {CliError} exit 2 */
export function parseSides(text: string): readonly (readonly string[])[] {
  const sides = text.split('|').map((side) =>
    side
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== ''),
  )
  const names = sides.flat()
  if (sides.length < 2 || sides.some((side) => side.length === 0)) {
    throw usageError(
      `Cannot use sides "${text}": expected at least two, separated by |`,
      `Write "hearsay chaos partition 'a,b|c,d,e'", in quotes`,
    )
  }
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw usageError(`Cannot use sides "${text}": ${twice} is on two`)
  return sides
}

function parseShare(text: string): number {
  const share = /^(?:0|1|0?\.\d+|1\.0+|0\.\d+)$/.test(text) ? Number(text) : Number.NaN
  if (share >= 0 && share <= 1) return share
  throw usageError(`Cannot use loss "${text}": expected a share between 0 and 1`)
}

function parseLatency(text: string): number {
  try {
    return parseDuration(text)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw usageError(`Cannot use latency "${text}": ${reason}`)
  }
}
