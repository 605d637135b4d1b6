import type { Command } from 'commander'
import type { Context } from './context.ts'

/** The values of a verb's flags after flag, environment, config file and default have been weighed. */
export class Settings {
  readonly #values: Readonly<Record<string, unknown>>

  constructor(values: Readonly<Record<string, unknown>>) {
    this.#values = values
  }

  text(name: string): string | undefined {
    const value = this.#values[name]
    return typeof value === 'string' ? value : undefined
  }

  number(name: string): number | undefined {
    const value = this.#values[name]
    return typeof value === 'number' ? value : undefined
  }

  flag(name: string): boolean {
    return this.#values[name] === true
  }

  list(name: string): readonly string[] {
    const value = this.#values[name]
    if (!Array.isArray(value)) return []
    return value.filter((item): item is string => typeof item === 'string')
  }
}

/** One call of a verb: what it may use, its operands in order, its flags. */
export interface Call {
  readonly context: Context
  readonly operands: readonly string[]
  readonly settings: Settings
}

/** Runs a verb; the result is the exit code, 0 when undefined. */
export type Handler = (call: Call) => Promise<number | undefined>

/** A command line and what it does, for --help. */
export type Example = readonly [command: string, does: string]

/** Describes and builds one verb; `act` connects a commander command to its handler. */
export interface Verb {
  readonly examples: readonly Example[]
  build(command: Command, act: (command: Command, handler: Handler) => void): void
}

/** Adds the examples of a verb or subverb to its help. */
export function addExamples(command: Command, examples: readonly Example[]): void {
  const width = Math.max(...examples.map(([line]) => line.length))
  const lines = examples.map(([line, does]) => `  ${line.padEnd(width)}   # ${does}`)
  command.addHelpText('after', `\nExamples:\n${lines.join('\n')}`)
}
