import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { peerIdFromString } from '@libp2p/peer-id'
import { ForeignNode, PROTOCOL_VERSION } from './foreign-node.ts'
import type { ForeignKind, ForeignPeer, MissingKind } from './foreign-peer.ts'
import type { KindName } from './options.ts'
import { ProcessPeer } from './process-peer.ts'

const HERE = fileURLToPath(new URL('./', import.meta.url))
const MODULES = new URL('../../node_modules/', import.meta.url)
/** What is built stays here between runs; git ignores it. */
const BUILT = fileURLToPath(new URL('.cache/hearsay-interop/', MODULES))
const BUILD_MS_MAX = 15 * 60_000

/** Makes a kind ready to start. @throws {Error} its source does not build */
export async function foreignKind(name: KindName): Promise<ForeignKind | MissingKind> {
  await mkdir(BUILT, { recursive: true })
  switch (name) {
    case 'js':
      return await inThisProcess()
    case 'go':
      return await inGo()
    case 'rust':
      return await inRust()
  }
}

async function inThisProcess(): Promise<ForeignKind> {
  const versions = await Promise.all(
    ['libp2p', '@libp2p/kad-dht'].map(async (name) => {
      const manifest = await readFile(new URL(`${name}/package.json`, MODULES), 'utf8')
      return `${name} ${JSON.parse(manifest).version}`
    }),
  )
  return {
    name: 'js',
    versions: [`Node.js ${process.versions.node}`, ...versions].join(', '),
    start: async (network) => {
      const seed = crypto.getRandomValues(new Uint8Array(32))
      return nodePeer(await ForeignNode.start({ network, seed }))
    },
  }
}

function nodePeer(node: ForeignNode): ForeignPeer {
  const { libp2p } = node
  return {
    address: node.address,
    peer: libp2p.peerId.toString(),
    keep: (key, record) => node.keep(key, record),
    join: async (address) => {
      await node.join(address)
    },
    put: async (key, record) => {
      await node.put(key, record)
    },
    get: async (key) => {
      const found: Uint8Array[] = []
      for await (const event of libp2p.services.kad.get(key)) {
        if (event.name === 'PEER_RESPONSE' && event.record !== undefined) {
          found.push(event.record.value)
        }
      }
      return found
    },
    find: async (peer) => {
      for await (const event of libp2p.services.kad.findPeer(peerIdFromString(peer))) {
        if (event.name === 'FINAL_PEER') return event.peer.multiaddrs.map(String)
      }
      return []
    },
    [Symbol.asyncDispose]: () => node[Symbol.asyncDispose](),
  }
}

async function inGo(): Promise<ForeignKind | MissingKind> {
  const directory = `${HERE}go`
  const version = await run('go', ['env', 'GOVERSION'])
  if (version.code !== 0) return { name: 'go', missing: 'go is not here' }
  const modules = await run('go', ['mod', 'download'], { directory })
  if (modules.code !== 0) return missingModules('go', modules)
  const program = `${BUILT}go-node`
  built(await run('go', ['build', '-o', program, '.'], { directory }))
  const listed = await readFile(`${directory}/go.mod`, 'utf8')
  const versions = ['go-libp2p', 'go-libp2p-kad-dht'].map((name) => {
    return `${name} ${new RegExp(`/${name} v(\\S+)`).exec(listed)?.[1]}`
  })
  return processKind('go', { program, versions: [version.output.trim(), ...versions] })
}

async function inRust(): Promise<ForeignKind | MissingKind> {
  const directory = `${HERE}rust`
  const version = await run('rustc', ['--version'])
  const cargo = await run('cargo', ['--version'])
  if (version.code !== 0 || cargo.code !== 0) return { name: 'rust', missing: 'cargo is not here' }
  const crates = await run('cargo', ['fetch', '--locked'], { directory })
  if (crates.code !== 0) return missingModules('rust', crates)
  const env = { CARGO_TARGET_DIR: `${BUILT}rust` }
  built(await run('cargo', ['build', '--locked', '--offline'], { directory, env }))
  const listed = await readFile(`${directory}/Cargo.lock`, 'utf8')
  const versions = ['libp2p', 'libp2p-kad'].map((name) => {
    return `${name} ${new RegExp(`name = "${name}"\nversion = "(.+)"`).exec(listed)?.[1]}`
  })
  const program = `${env.CARGO_TARGET_DIR}/debug/hearsay-interop`
  const rustc = version.output.split(' ').slice(0, 2).join(' ')
  return processKind('rust', { program, versions: [rustc, ...versions] })
}

function processKind(
  name: KindName,
  { program, versions }: { readonly program: string; readonly versions: readonly string[] },
): ForeignKind {
  return {
    name,
    versions: versions.join(', '),
    start: (network) => ProcessPeer.start(program, [network, String(PROTOCOL_VERSION)]),
  }
}

interface Outcome {
  /** Undefined: it did not run. */
  readonly code: number | undefined
  readonly output: string
  readonly errors: string
}

/** Registries are somewhere else, and may be out of reach: what they would bring is not here. */
function missingModules(name: KindName, { errors }: Outcome): MissingKind {
  return { name, missing: `what it is made of is out of reach: ${lastLine(errors)}` }
}

function built({ code, errors }: Outcome): void {
  if (code !== 0) throw new Error(`Cannot build: ${lastLine(errors)}`)
}

function lastLine(output: string): string {
  return output.trim().split('\n').at(-1) ?? ''
}

async function run(
  command: string,
  parameters: readonly string[],
  options: { readonly directory?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<Outcome> {
  const child = spawn(command, parameters, {
    cwd: options.directory,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    signal: AbortSignal.timeout(BUILD_MS_MAX),
  })
  // A command that is not here closes no stream: its error has to be waited for first.
  const isHere = await new Promise<boolean>((resolve) => {
    child.once('spawn', () => resolve(true))
    child.once('error', () => resolve(false))
  })
  if (!isHere) {
    child.stdout.destroy()
    child.stderr.destroy()
    return { code: undefined, output: '', errors: '' }
  }
  const closed = once(child, 'close')
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)])
  const [code] = await closed
  return { code: code ?? undefined, output, errors }
}
