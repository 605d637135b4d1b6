import { Option } from 'commander'
import type { WriteLevel } from '../index.ts'
import type { Settings } from './verb.ts'

const LEVELS: readonly WriteLevel[] = ['one', 'quorum', 'all']

/** The flag --level of the writing DHT verbs. */
export function levelOption(description: string): Option {
  return new Option('--level <level>', description).choices([...LEVELS])
}

export function levelOf(settings: Settings): WriteLevel | undefined {
  const text = settings.text('level')
  return LEVELS.find((level) => level === text)
}
