import { candidates } from '../candidates.ts'
import { printable } from '../text.ts'
import { addExamples, type Example, type Verb } from '../verb.ts'

/** Each asks this program for the words that fit; what follows `--` is the line up to the cursor. */
const SCRIPTS = {
  bash: `_hearsay() {
  local IFS=$'\\n'
  COMPREPLY=($(hearsay completion words -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _hearsay hearsay`,
  zsh: `#compdef hearsay
_hearsay() {
  local -a found
  found=("\${(@f)$(hearsay completion words -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  compadd -a found
}
compdef _hearsay hearsay`,
  fish: `complete -c hearsay -f -a '(hearsay completion words -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'`,
} as const

const SHELLS = ['bash', 'zsh', 'fish'] as const

/** Where each goes. */
const EXAMPLES: Readonly<Record<keyof typeof SCRIPTS, Example>> = {
  bash: ['hearsay completion bash > ~/.local/share/bash-completion/completions/hearsay', 'once'],
  zsh: ['hearsay completion zsh > ~/.zfunc/_hearsay', 'with ~/.zfunc in fpath before compinit'],
  fish: ['hearsay completion fish > ~/.config/fish/completions/hearsay.fish', 'once'],
}

export const verb: Verb = {
  examples: [],
  build(command, act) {
    for (const shell of SHELLS) {
      const script = SCRIPTS[shell]
      const one = command.command(shell).description(`the script for ${shell}`)
      addExamples(one, [EXAMPLES[shell]])
      act(one, async ({ context }) => {
        context.print.result({ shell, script }, () => [script])
        return undefined
      })
    }
    const words = command
      .command('words')
      .argument('[word...]', 'the line so far, the word at the cursor last')
      .description('what fits next, a line each: flags, verbs, live members and objects')
    addExamples(words, [["hearsay completion words -- chaos kill ''", 'names of members']])
    act(words, async ({ context, operands }) => {
      const found = await candidates(context, operands)
      context.print.result({ words: found }, () => found.map(printable))
      return undefined
    })
    addExamples(command, Object.values(EXAMPLES))
  },
}
