import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Command } from 'commander'
import { expect, test } from 'vitest'
import { VERBS } from '../../src/cli/verbs.ts'
import { fixture } from '../http/ask.ts'

const ROOT = join(import.meta.dirname, '../..')
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

/** The long flags of a verb. */
async function flagsOf(name: string): Promise<readonly string[]> {
  const command = new Command(name)
  const verb = await VERBS.find((entry) => entry.name === name)?.load()
  verb?.build(command, () => undefined)
  return command.options.flatMap(({ long }) => long ?? [])
}

test('panels show metrics that a node has', async () => {
  const { ask } = fixture()
  const { text } = await ask('GET', '/metrics')
  const known = new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name))
  const dashboard = JSON.parse(read('deploy/grafana/hearsay.json'))
  const expressions: string[] = dashboard.panels.flatMap(
    ({ targets }: { targets: { expr: string }[] }) => targets.map(({ expr }) => expr),
  )
  const used = expressions.flatMap((expr) => expr.match(/hearsay_\w+/g) ?? [])
  expect(used.length).toBeGreaterThanOrEqual(expressions.length)
  expect(used.filter((name) => !known.has(name))).toEqual([])
  for (const expr of expressions) {
    // A counter means nothing before its rate is taken, and a gauge has none.
    const isCounter = /_total\b/.test(expr)
    expect([expr, expr.includes('rate(')]).toEqual([expr, isCounter])
  }
})

test.each(['compose.yaml', 'deploy/k8s/hearsay.yaml', 'Dockerfile'])(
  '%s starts nodes by flags and variables that exist',
  async (path) => {
    const text = read(path)
    // The last one is a flag of every verb.
    const flags = [...(await flagsOf('up')), '--api', '--api-token']
    const used = [...text.matchAll(/(?:^|[\s"'])(--[a-z][a-z-]+)/gm)]
      .map(([, flag = '']) => flag)
      // Those of the tools that the comments name.
      .filter(
        (flag) =>
          !/^--(?:scale|volumes|from|read|tmpfs|json|gid|uid|no-create|shell|ignore|omit|interval|timeout|start)/.test(
            flag,
          ),
      )
    expect(used.filter((flag) => !flags.includes(flag))).toEqual([])
    const variables = [...text.matchAll(/\bHEARSAY_([A-Z_]+)/g)].map(
      ([, name = '']) => `--${name.toLowerCase().replaceAll('_', '-')}`,
    )
    // The folder of the registry is no flag of up.
    expect(variables.filter((flag) => ![...flags, '--runtime-dir'].includes(flag))).toEqual([])
    expect(text).not.toMatch(/\t/)
  },
)

test('nodes in containers may write in /data and /tmp alone, as an unprivileged user', () => {
  for (const path of ['compose.yaml', 'deploy/k8s/hearsay.yaml']) {
    expect(read(path)).toMatch(/read_only: true|readOnlyRootFilesystem: true/)
    expect(read(path)).toMatch(/\/data/)
    expect(read(path)).toMatch(/\/tmp/)
  }
  expect(read('Dockerfile')).toContain('USER 10001:10001')
  expect(read('deploy/k8s/hearsay.yaml')).toContain('runAsUser: 10001')
})
