import { InvalidArgumentError, Option } from 'commander'
import { LOG_LEVELS } from '../http/log-control.ts'
import { dataDirOption, integerOption } from './flags.ts'

export const LOG_FORMATS = ['pretty', 'json'] as const
export type LogFormat = (typeof LOG_FORMATS)[number]
export const PROFILES = ['local', 'lan', 'wan'] as const
export const DURABILITIES = ['strict', 'relaxed'] as const

/** The flags of `up`, which are also the keys of a config file. Made anew for every command. */
export function upOptions(): readonly Option[] {
  return [
    new Option('--name <name>', 'label shown to people (default node- and part of the peer id)'),
    dataDirOption('keep identity and data here (default: in memory)'),
    new Option('--profile <profile>', 'local listens on loopback, lan and wan everywhere').choices([
      ...PROFILES,
    ]),
    new Option(
      '--listen <multiaddr...>',
      'listen here, by WebSocket with /ws at the end (default: the profile, any port)',
    ),
    new Option('--announce <multiaddr...>', 'tell others these addresses instead'),
    new Option(
      '--web-origin <origin...>',
      'sites whose pages may connect where this node listens by WebSocket (/ws), * for all',
    ),
    new Option(
      '--join <address...>',
      'join these: multiaddr, host:port, dns:name:port or ws://host:port',
    ),
    new Option('--network <name>', 'name of the network (default hearsay)'),
    new Option('--network-key <file>', 'secret of a private network, - for stdin'),
    new Option('--invite <file>', 'invite into a private network instead of its key, - for stdin'),
    new Option('--open', 'listen beyond loopback without a key, knowingly'),
    new Option(
      '--api-host <name...>',
      'further names by which the API may be asked, such as that of a service',
    ).argParser(parseHost),
    new Option('--tag <key=value...>', 'labels shown to others').argParser(parseTag),
    integerOption('--replication <n>', 'replicas of a DHT value (default 5)', { min: 1, max: 20 }),
    new Option('--durability <mode>', 'strict: on the disk before acknowledged; relaxed').choices([
      ...DURABILITIES,
    ]),
    new Option('--chaos', 'allow fault injection'),
    new Option('--log-level <level>', 'least important line to log').choices([...LOG_LEVELS]),
    new Option('--log-format <format>', 'for people or for machines').choices([...LOG_FORMATS]),
  ]
}

/** A name or an address as it stands in a Host header, without a port. */
function parseHost(word: string, previous: readonly string[] | undefined): readonly string[] {
  if (!/^(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]+\])$/.test(word)) {
    throw new InvalidArgumentError('expected a host name, or an address, without a port')
  }
  return [...(previous ?? []), word]
}

/** Collects KEY=VALUE words; commander hands over what it has so far. */
function parseTag(word: string, previous: readonly string[] | undefined): readonly string[] {
  if (!/^[^=]+=/.test(word)) throw new InvalidArgumentError('expected KEY=VALUE')
  return [...(previous ?? []), word]
}
