import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import type { Block } from './page.ts'
import { Stage } from './stage.ts'

/*
 * The README is written for people at a keyboard: nodes that go on in terminals of their own, commands that never end,
 * a name to fill in. Everything in it is run all the same.
 */

/** Commands that take a terminal: nodes. */
const NODE = /^hearsay (up|demo)\b/
/** Commands that show what comes, until they are ended. */
const ENDLESS = /^hearsay (watch|members --watch)\b/
const SHOWN_S = 2

interface Script {
  readonly nodes: readonly string[]
  readonly code: string
}

async function section(title: string): Promise<string> {
  const text = await readFile(new URL('../../README.md', import.meta.url), 'utf8')
  const found = text.split(/^##+ /m).find((part) => part.startsWith(`${title}\n`))
  if (found === undefined) throw new Error(`README has no section ${title}`)
  return found
}

function blocksOf(text: string, language: string): readonly string[] {
  const blocks = [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)]
  return blocks.filter(([, of]) => of === language).map(([, , code = '']) => code)
}

/** The shell blocks of a section: what is started, and what is typed into the last terminal. */
async function script(title: string, name: string): Promise<Script> {
  const lines = blocksOf(await section(title), 'sh')
    .join('')
    .replaceAll('./bin/hearsay.js', 'hearsay')
    .replaceAll(/ {2,}# .*$/gm, '')
    .replaceAll('NAME', name)
    .split('\n')
  const typed = lines
    .filter((line) => !NODE.test(line))
    .map((line) => (ENDLESS.test(line) ? `timeout ${SHOWN_S} ${line} || test $? = 124` : line))
  return { nodes: lines.filter((line) => NODE.test(line)), code: typed.join('\n') }
}

/** A demo stays on a terminal only: elsewhere it ends with its story. */
function terminalOf(code: string): Extract<Block, { readonly type: 'background' }> {
  if (!code.startsWith('hearsay demo')) return { type: 'background', code }
  return { type: 'background', code: `script -qefc '${code}' /dev/null`, ready: 'ends the demo' }
}

/** Does what a section says, and what comes before it. @returns what the terminal shows */
async function play(title: string, before: readonly string[], first = ''): Promise<string> {
  const stage = await Stage.open()
  try {
    const { nodes, code } = await script(title, 'ada')
    const starts = [...before, ...nodes.filter((node) => !node.includes('./b'))]
    for (const start of starts) {
      const { code: status, err } = await stage.run(terminalOf(start))
      expect(status, `${start}\n${err}`).toBe(0)
    }
    const ran = await stage.run({ type: 'shell', code: `${first}\n${code}`, output: undefined })
    expect(ran.code, `${code}\n${ran.out}\n${ran.err}`).toBe(0)
    for (const start of nodes.filter((node) => node.includes('./b'))) {
      expect((await stage.run({ type: 'background', code: start })).code, start).toBe(0)
    }
    return ran.out
  } finally {
    await stage.close()
  }
}

test('README, three terminals: what it says can be typed', async () => {
  const shown = await play('Three terminals', ['hearsay up --name ada'])
  expect(shown).toMatch(/^world/m)
  expect(shown).toMatch(/^ada$/m)
})

// Its terminal is made by the `script` of Linux.
const isLinux = process.platform === 'linux'
test.runIf(isLinux)('README, breaking it on purpose: what it says can be typed', async () => {
  const shown = await play('Breaking it on purpose', [])
  expect(shown).toMatch(/^partitioned: a, b {2}\| {2}c, d, e$/m)
  expect(shown).toMatch(/^converged: 5 live members/m)
})

test('README, state in and out: what it says can be typed', async () => {
  const first = 'hearsay counter add votes 3'
  await play('State in and out', ['hearsay up --data-dir ./data'], first)
})

test('README, in your own program: the program does what its comments say', async () => {
  const stage = await Stage.open()
  try {
    for (const name of ['ada', 'bob']) {
      await stage.run({ type: 'background', code: `hearsay up --name ${name}` })
    }
    const asked = 'hearsay status --node ada --json'
    const { out } = await stage.run({ type: 'shell', code: asked, output: undefined })
    const { listen } = JSON.parse(out)
    const [program = ''] = blocksOf(await section('In your own program'), 'ts')
    // It has company, and waits for it; of what comes a moment shows as much as a minute.
    const code = program
      .replace("{ dataDir: './data' }", `{ dataDir: './data', join: ${JSON.stringify(listen)} }`)
      .replace('AbortSignal.timeout(60_000)', 'AbortSignal.timeout(2_000)')
      .replaceAll('AbortSignal.timeout(5000)', 'AbortSignal.timeout(60_000)')
    expect(code).toMatch(/join: .*timeout\(2_000\)/s)
    const { code: status, err } = await stage.run({ type: 'program', code, output: undefined })
    expect(status, err).toBe(0)
  } finally {
    await stage.close()
  }
})
