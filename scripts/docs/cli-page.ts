import type { Option } from 'commander'
import { environmentName } from '../../src/cli/settings.ts'
import { VERBS } from '../../src/cli/verbs.ts'
import { commandTree, type Leaf } from './command-tree.ts'

const HEAD = `# Command line

\`hearsay VERB --help\` says the same. Data goes to stdout, talk to stderr; with \`--json\` every verb prints one JSON value, or
one a line where it prints many. Every flag is also a variable of the environment, and its name without the dashes a key
of the file that \`--config\` names: flag, environment, file, default, the first that says something wins. Exit codes are
in [README.md](../README.md), errors in [ERRORS.md](ERRORS.md).
`

/** docs/CLI.md, of the program itself. */
export async function cliPage(): Promise<string> {
  const leaves = await commandTree()
  const shared = leaves.find(({ name }) => name === 'status')?.program.options ?? []
  const parts = [HEAD, '## Flags of every verb', '', ...flagTable(shared), '']
  for (const { name, summary } of VERBS) {
    parts.push(`## ${name}`, '', `${sentence(summary)}`, '')
    for (const leaf of leaves) {
      if (leaf.name === name || leaf.name.startsWith(`${name} `)) parts.push(...leafLines(leaf))
    }
  }
  return `${parts.join('\n').trimEnd()}\n`
}

function leafLines(leaf: Leaf): readonly string[] {
  const { command, name } = leaf
  const operands = command.registeredArguments.map((argument) => {
    const word = `${argument.name()}${argument.variadic ? '...' : ''}`.toUpperCase()
    return argument.required ? word : `[${word}]`
  })
  const isSub = name.includes(' ')
  const title = ['hearsay', name, ...operands].join(' ')
  const described = command.registeredArguments.filter(({ description }) => description !== '')
  return [
    ...(isSub ? [`### ${name}`, '', sentence(command.description()), ''] : []),
    '```',
    title,
    '```',
    '',
    ...(described.length === 0
      ? []
      : [...described.map((one) => `- \`${one.name().toUpperCase()}\`: ${one.description}`), '']),
    ...(command.options.length === 0 ? [] : [...flagTable(command.options), '']),
    '```sh',
    ...examplesOf(leaf),
    '```',
    '',
  ]
}

function flagTable(options: readonly Option[]): readonly string[] {
  const rows = options.map((option) => {
    const choices = option.argChoices === undefined ? '' : `: ${option.argChoices.join(', ')}`
    const preset = option.defaultValue === undefined ? '' : ` (default ${option.defaultValue})`
    const variable = environmentName(option.attributeName())
    return `| \`${escaped(option.flags)}\` | \`${variable}\` | ${escaped(option.description)}${choices}${preset} |`
  })
  return ['| flag | environment | does |', '| ---- | ----------- | ---- |', ...rows]
}

function escaped(text: string): string {
  return text.replaceAll('|', '\\|')
}

/** As its help shows them. */
function examplesOf({ command }: Leaf): readonly string[] {
  let help = ''
  command.configureOutput({
    writeOut: (text) => {
      help += text
    },
  })
  command.outputHelp()
  const [, examples = ''] = help.split('\nExamples:\n')
  return examples
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}
