import { lookup } from 'node:dns/promises'
import { access, constants, stat, statfs } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { dirname, join, resolve } from 'node:path'
import { printable } from '../text.ts'
import { type Finding, failure, ok, warning } from './finding.ts'

/** A host that does not answer in this time is as good as blocked. */
const CONNECT_MS_MAX = 2_000
/** The store stops taking writes soon below it. */
const FREE_BYTES_MIN = 64 << 20
const OTHERS_MAY = 0o077

/** The directory that a node would keep its data in. */
export async function checkDataDir(path: string): Promise<readonly Finding[]> {
  const check = 'data-dir'
  const shown = printable(path)
  let isDirectory: boolean
  try {
    isDirectory = (await stat(path)).isDirectory()
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [await checkPlace(path)]
    return [
      failure(
        check,
        `${shown} cannot be read: ${reasonOf(error)}`,
        'Choose another with --data-dir',
      ),
    ]
  }
  if (!isDirectory) {
    return [failure(check, `${shown} is no directory`, 'Choose another with --data-dir')]
  }
  const findings: Finding[] = []
  try {
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK)
    findings.push(ok(check, `${shown} can be read and written`))
  } catch {
    const hint = `Give this user the right to write, or choose another with --data-dir`
    return [failure(check, `${shown} cannot be written`, hint)]
  }
  return [...findings, await checkSpace(path), ...(await checkIdentity(path))]
}

/** Whether a directory can be made. */
async function checkPlace(path: string): Promise<Finding> {
  const parent = dirname(resolve(path))
  try {
    await access(parent, constants.W_OK | constants.X_OK)
    return ok('data-dir', `${printable(path)} will be made`)
  } catch (error) {
    if (codeOf(error) === 'ENOENT' && parent !== resolve(path)) return await checkPlace(parent)
    const message = `${printable(path)} cannot be made: ${printable(parent)} cannot be written`
    return failure('data-dir', message, 'Choose another with --data-dir')
  }
}

async function checkSpace(path: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(path)
  const free = bavail * bsize
  const mebibytes = `${Math.floor(free / (1 << 20))} MiB are free`
  if (free >= FREE_BYTES_MIN) return ok('disk', mebibytes)
  return failure('disk', `${mebibytes}: writes will be refused`, 'Free some space on this disk')
}

async function checkIdentity(path: string): Promise<readonly Finding[]> {
  const file = join(path, 'identity.key')
  try {
    const { mode } = await stat(file)
    if ((mode & OTHERS_MAY) === 0) return [ok('identity', 'only this user can read the key')]
    const message = `others may use ${printable(file)}: a node refuses to start with it`
    return [failure('identity', message, `chmod 600 '${printable(file)}'`)]
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [ok('identity', 'a new one will be made')]
    return [failure('identity', reasonOf(error), 'Restore the key, or choose another --data-dir')]
  }
}

/** Whether a port that a node is to listen on is free. @param own multiaddrs on which nodes of this user listen */
export async function checkListen(address: string, own: readonly string[]): Promise<Finding> {
  const check = 'listen'
  const shown = printable(address)
  const [, , host, transport, portText] = address.split('/')
  const port = Number(portText)
  if (host === undefined || transport !== 'tcp' || !(port >= 0 && port <= 65_535)) {
    return failure(check, `${shown} is no address to listen on`, 'Write /ip4/0.0.0.0/tcp/4001')
  }
  if (port === 0) return ok(check, `${shown} takes any free port`)
  const reason = await bindReason(host, port)
  if (reason === undefined) return ok(check, `${shown} is free`)
  if (own.some((taken) => taken.split('/')[4] === portText)) {
    return ok(check, `${shown} is in use by a node of yours`)
  }
  if (reason === 'EADDRINUSE') {
    const hint = `Stop the program on port ${port}, or choose another port with --listen`
    return failure(check, `${shown} is taken by another program`, hint)
  }
  return failure(check, `${shown} cannot be listened on: ${reason}`, 'Choose another with --listen')
}

function bindReason(host: string, port: number): Promise<string | undefined> {
  return new Promise((told) => {
    const server = createServer()
    server.once('error', (error) => told(codeOf(error) ?? error.message))
    server.listen({ host, port, exclusive: true }, () => server.close(() => told(undefined)))
  })
}

/** Whether an address to join leads to somebody who answers. */
export async function checkJoin(address: string): Promise<readonly Finding[]> {
  const shown = printable(address)
  const place = placeOf(address)
  if (place === undefined) {
    const hint = 'Write a multiaddr, host:port or dns:name:port'
    return [failure('join', `${shown} is no address to join`, hint)]
  }
  const { host: name, port } = place
  let hosts: readonly string[]
  try {
    hosts = (await lookup(name, { all: true })).map((answer) => answer.address)
  } catch (error) {
    const hint = 'Check the name, and the DNS server of this machine'
    return [failure('dns', `${shown}: the name is not known: ${codeOf(error) ?? ''}`, hint)]
  }
  return await Promise.all(hosts.map(async (host) => await answers(shown, host, port)))
}

/** Where a multiaddr, `host:port` or `dns:name:port` leads; the node that joins looks closer. */
function placeOf(address: string): { readonly host: string; readonly port: number } | undefined {
  const match =
    /^\/(?:ip[46]|dns[46]?)\/([^/]+)\/tcp\/(\d{1,5})(?:\/p2p\/[^/]+)?$/.exec(address) ??
    /^(?:dns:)?\[?([^\s[\]/]+?)\]?:(\d{1,5})$/.exec(address)
  const [, host, port] = match ?? []
  return host === undefined || !(Number(port) <= 65_535) ? undefined : { host, port: Number(port) }
}

async function answers(shown: string, host: string, port: number): Promise<Finding> {
  const reason = await connectReason(host, port)
  const at = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
  if (reason === undefined) return ok('join', `${shown}: something answers at ${at}`)
  if (reason === 'ECONNREFUSED') {
    const hint = 'Start the node there, or check the port'
    return failure('join', `${shown}: nobody listens at ${at}`, hint)
  }
  const hint = 'Check firewalls and routes between here and there'
  const what = reason === 'ETIMEDOUT' ? 'no answer' : reason
  return failure('join', `${shown}: ${at} is out of reach: ${what}`, hint)
}

function connectReason(host: string, port: number): Promise<string | undefined> {
  return new Promise((told) => {
    const socket = connect({ host, port })
    const end = (reason: string | undefined): void => {
      socket.destroy()
      told(reason)
    }
    socket.setTimeout(CONNECT_MS_MAX, () => end('ETIMEDOUT'))
    socket.once('connect', () => end(undefined))
    socket.once('error', (error) => end(codeOf(error) ?? error.message))
  })
}

/** Files of the registry that make no sense. */
export function checkRegistry(problems: readonly string[]): readonly Finding[] {
  return problems.map((problem) =>
    warning('registry', printable(problem), 'Remove that file: no node of yours needs it'),
  )
}

function codeOf(error: unknown): string | undefined {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined
  return typeof code === 'string' ? code : undefined
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
