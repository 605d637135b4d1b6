import { type Command, Option } from 'commander'
import type { WriteLevel } from '../index.ts'
import { levelOf } from './level.ts'
import type { Settings } from './verb.ts'

/** The flags that say what kind of key is meant. */
export function addKeyKinds(command: Command): Command {
  return command
    .addOption(new Option('--own', "a name of this node's own: nobody else can write it"))
    .addOption(
      new Option('--immutable', 'named by the SHA-256 of its value').conflicts(['own', 'owner']),
    )
}

export function ifVersionOption(): Option {
  return new Option('--if-version <version>', 'with --own: only if this is its version, or none')
}

/** What the flags of a DHT verb ask for; those that were not given are absent. */
export function keyQuery(settings: Settings): {
  readonly own?: boolean
  readonly immutable?: boolean
  readonly level?: WriteLevel
  readonly ifVersion?: string
  readonly owner?: string
} {
  const level = levelOf(settings)
  const ifVersion = settings.text('ifVersion')
  const owner = settings.text('owner')
  return {
    ...(settings.flag('own') ? { own: true } : {}),
    ...(settings.flag('immutable') ? { immutable: true } : {}),
    ...(level === undefined ? {} : { level }),
    ...(ifVersion === undefined ? {} : { ifVersion }),
    ...(owner === undefined ? {} : { owner }),
  }
}
