import type { Command } from 'commander'
import { Command as Program } from 'commander'
import { describe, expect, test } from 'vitest'
import { run } from '../../src/cli/main.ts'
import { VERBS } from '../../src/cli/verbs.ts'
import { testIo } from './test-io.ts'

const NOWHERE = { HEARSAY_RUNTIME_DIR: '/nonexistent/hearsay' }

async function runIt(...argv: readonly string[]) {
  const io = testIo({ env: NOWHERE })
  return { code: await run(argv, io), out: io.out(), err: io.err() }
}

/** Every verb and subverb as its words. */
async function allVerbs(): Promise<readonly (readonly string[])[]> {
  const words: string[][] = []
  for (const entry of VERBS) {
    const command: Command = new Program(entry.name)
    const verb = await entry.load()
    verb.build(command, () => undefined)
    words.push([entry.name], ...command.commands.map((sub) => [entry.name, sub.name()]))
  }
  return words
}

/** How a command line ends where no node runs and no file is there. */
function codeAlone(argv: readonly string[]): number {
  const [verb, sub] = argv
  if (verb === 'config' && argv.some((word) => word.endsWith('.json'))) return 8
  if (verb === 'config' || verb === 'completion' || verb === 'explain-error') return 0
  if (verb === 'version' && sub === undefined) return 0
  if (argv.includes('--identity')) return 78
  if (argv.includes('--file') || verb === 'restore') return 1
  // It went as far as looking for a node.
  return 3
}

describe('--help', () => {
  test('of every verb and subverb has an example and ends with 0', async () => {
    const verbs = await allVerbs()
    expect(verbs.length).toBeGreaterThan(25)
    for (const words of verbs) {
      const { code, out, err } = await runIt(...words, '--help')
      expect([words, code, err]).toEqual([words, 0, ''])
      expect(out).toContain(`Examples:\n  hearsay ${words.join(' ')}`)
      expect(out).toContain('--json')
    }
  })

  test('every example is a command line that parses', async () => {
    for (const words of await allVerbs()) {
      const { out } = await runIt(...words, '--help')
      const examples = out.split('Examples:\n')[1]?.trim().split('\n') ?? []
      for (const example of examples) {
        const line = example
          .replace(/ {3}#.*/, '')
          .replace(/^.*\| (?=hearsay)/, '')
          .split(/ [|>&]/)[0]
        const argv = [...(line ?? '').matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)]
          .map(([, single, double, bare]) => single ?? double ?? bare ?? '')
          .slice(1)
        // They run nodes, look at this machine and its names, or write a file.
        if (['up', 'demo', 'sim', 'bench', 'maelstrom', 'doctor', 'keygen'].includes(argv[0] ?? ''))
          continue
        const { code } = await runIt(...argv)
        expect([example, code]).toEqual([example, codeAlone(argv)])
      }
    }
  })

  test('of the program lists every verb, and no verb at all shows it too', async () => {
    const { code, out } = await runIt('--help')
    expect(code).toBe(0)
    for (const { name } of VERBS) expect(out).toMatch(new RegExp(`^  ${name} `, 'm'))
    expect(await runIt()).toEqual({ code: 0, out, err: '' })
  })

  test('help VERB is the help of the verb', async () => {
    expect((await runIt('help', 'put')).out).toBe((await runIt('put', '--help')).out)
  })
})

describe('wrong usage ends with 2, says what, and a next step', () => {
  test.each([
    [['pt'], "Unknown verb 'pt'", 'Did you mean put?'],
    [['frobnicate'], "Unknown verb 'frobnicate'", 'hearsay --help'],
    [['put', 'k', 'v', '--tll', '1h'], "Unknown option '--tll'", 'Did you mean --ttl?'],
    [['--jsn', 'members'], "Unknown option '--jsn'", 'Did you mean --json?'],
    [['put'], "Missing required argument 'key'", '--help'],
    [['get', 'a', 'b'], 'Too many arguments', '--help'],
    [['counter'], '"counter" needs a verb of its own', 'hearsay counter --help'],
    [['counter', 'ad', 'x'], "Unknown verb 'ad'", 'Did you mean add?'],
    [['replicated'], "Missing required argument 'k'", '--help'],
    [['replicated', 'all'], '1 … 255', 'hearsay replicated 2'],
    [['converged', '--timeout', '10'], 'write 10s or 10ms', '--help'],
    [['put', 'k', 'v', '--level', 'some'], 'one, quorum, all', '--help'],
    [['demo', '--nodes', '0'], '1 … 200', '--help'],
    [['demo', '--nodes', '201'], '1 … 200', '--help'],
    [['demo', '--nodes', '2.5'], '1 … 200', '--help'],
    [['up', '--replication', '99'], '1 … 20', '--help'],
    [['up', '--tag', 'x'], 'KEY=VALUE', '--help'],
    [['up', '--data-dir', ''], 'write . for this directory', '--help'],
    [['demo', '--data-dir', ''], 'write . for this directory', '--help'],
    [['restore', 'x.backup', '--data-dir', ''], 'write . for this directory', '--help'],
    [['set', 'add', 's', '-x'], "Unknown option '-x'", 'go behind --'],
    [['up', '--api', 'nonsense'], 'expected HOST:PORT', '127.0.0.1:7400'],
    [['status', '--api', 'http://'], 'no URL', '127.0.0.1:7400'],
  ])('%j', async (argv, what, next) => {
    const { code, out, err } = await runIt(...argv)
    expect(code).toBe(2)
    expect(out).toBe('')
    expect(err).toContain(what)
    expect(err).toContain(next)
    expect(err).toContain('(ERR_USAGE)')
    expect(err).not.toContain('    at ')
  })

  test('with --json, also when parsing fails, the error is one object on stderr', async () => {
    const { code, err } = await runIt('pt', '--json')
    expect(code).toBe(2)
    expect(JSON.parse(err)).toEqual({
      error: { code: 'ERR_USAGE', message: "Unknown verb 'pt'", hint: 'Did you mean put?' },
    })
  })
})

test('global flags work before and after the verb', async () => {
  const after = await runIt('members', '--json')
  const before = await runIt('--json', 'members')
  expect(after.code).toBe(3)
  expect(JSON.parse(after.err).error.code).toBe('ERR_NO_NODE')
  expect(before).toEqual(after)
})

test('a value before the verb is not taken for the verb', async () => {
  expect((await runIt('--node', 'put', 'members')).code).toBe(3)
  expect((await runIt('--timeout', '2s', 'members')).code).toBe(3)
})

test('--debug adds the stack', async () => {
  expect((await runIt('members', '--debug')).err).toContain('    at ')
  expect((await runIt('members')).err).not.toContain('    at ')
})

test('a closed stdout ends quietly with 0', async () => {
  const io = testIo({ env: NOWHERE })
  io.closeStdout()
  expect([await run(['members'], io), io.err()]).toEqual([0, ''])
})

test('version prints the version of the package', async () => {
  const { out } = await runIt('version')
  expect(out).toMatch(/^hearsay \d+\.\d+\.\d+\n$/)
  const { version } = JSON.parse((await runIt('version', '--json')).out)
  expect(out).toBe(`hearsay ${version}\n`)
})
