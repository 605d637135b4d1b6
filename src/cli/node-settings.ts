import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { NodeOptions } from '../index.ts'
import { configError } from './errors.ts'
import type { Io } from './io.ts'
import { DURABILITIES, PROFILES } from './up-options.ts'
import type { Settings } from './verb.ts'

/** Longer keys add nothing; a file larger than this is no key. */
const KEY_BYTES_MAX = 4096

/** The options of createNode that the flags of `up` ask for. @throws {CliError} exit 8: the key cannot be read */
export async function nodeOptions(settings: Settings, io: Io): Promise<NodeOptions> {
  const keyFile = settings.text('networkKey')
  const inviteFile = settings.text('invite')
  if (keyFile === '-' && inviteFile === '-') {
    throw configError('Cannot read both the network key and the invite from stdin')
  }
  const networkKey = keyFile === undefined ? undefined : await readKey(keyFile, io)
  const invite = inviteFile === undefined ? undefined : await readInvite(inviteFile, io)
  const dataDir = settings.text('dataDir')
  const profile = PROFILES.find((one) => one === settings.text('profile'))
  const durability = DURABILITIES.find((one) => one === settings.text('durability'))
  const tags = Object.fromEntries(settings.list('tag').map(splitTag))
  return {
    ...defined('name', settings.text('name')),
    ...defined('dataDir', dataDir === undefined ? undefined : resolve(dataDir)),
    ...defined('profile', profile),
    ...listed('listen', settings.list('listen')),
    ...listed('announce', settings.list('announce')),
    ...listed('origins', settings.list('webOrigin')),
    ...listed('join', settings.list('join')),
    ...defined('network', settings.text('network')),
    ...defined('networkKey', networkKey),
    ...defined('invite', invite),
    ...defined('replication', settings.number('replication')),
    ...defined('durability', durability),
    open: settings.flag('open'),
    chaos: settings.flag('chaos'),
    tags,
  }
}

function defined<Name extends string, Value>(
  name: Name,
  value: Value | undefined,
): { [key in Name]?: Value } {
  const part: { [key in Name]?: Value } = {}
  if (value !== undefined) part[name] = value
  return part
}

function listed<Name extends string>(
  name: Name,
  values: readonly string[],
): { [key in Name]?: readonly string[] } {
  return defined(name, values.length === 0 ? undefined : values)
}

function splitTag(word: string): readonly [string, string] {
  const at = word.indexOf('=')
  return [word.slice(0, at), word.slice(at + 1)]
}

async function readInvite(file: string, io: Io): Promise<string> {
  return new TextDecoder().decode(await readSecret(file, { what: 'invite', io }))
}

/** The key as it stands in the file, without the line end that editors add. */
async function readKey(file: string, io: Io): Promise<Uint8Array> {
  const bytes = await readSecret(file, { what: 'network key', io })
  let end = bytes.length
  while (end > 0 && (bytes[end - 1] === 0x0a || bytes[end - 1] === 0x0d)) end -= 1
  return bytes.slice(0, end)
}

async function readSecret(
  file: string,
  { what, io }: { readonly what: string; readonly io: Io },
): Promise<Uint8Array> {
  const bytes = file === '-' ? await readAll(io) : await contentOf(file, what)
  if (bytes.length <= KEY_BYTES_MAX) return bytes
  throw configError(`Cannot use ${what} ${file}: it is larger than ${KEY_BYTES_MAX} bytes`)
}

async function contentOf(file: string, what: string): Promise<Uint8Array> {
  try {
    return await readFile(file)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw configError(`Cannot read ${what} ${file}: ${reason}`)
  }
}

async function readAll(io: Io): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of io.stdin) {
    chunks.push(chunk)
    length += chunk.length
    if (length > KEY_BYTES_MAX) break
  }
  return Buffer.concat(chunks)
}
