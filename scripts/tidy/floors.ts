import { type Finding, type ModuleUse, packageOf, type SourceFile } from './tidy-file.ts'

/** What a folder of src/ stands on and may take from outside; docs/ARCHITECTURE.md explains the floors. */
interface Folder {
  readonly floor: number
  /** npm packages; a trailing slash allows a whole scope. */
  readonly packages: readonly string[]
  readonly isNodeAllowed: boolean
  /** Talks to a node as any embedder does: through src/index.ts. */
  readonly isShell: boolean
}

const PURE: readonly string[] = ['@noble/hashes', 'uint8arrays']
const HOST = ['libp2p', '@libp2p/', '@chainsafe/', '@multiformats/', 'datastore-level', 'it-pipe']

const FOLDERS: ReadonlyMap<string, Folder> = new Map([
  ['base', pure(0)],
  ['crdt', pure(1)],
  ['membership', pure(1)],
  ['records', pure(1)],
  ['invites', pure(1)],
  ['replication', pure(2)],
  ['kv', pure(2)],
  ['engine', pure(3)],
  ['sim', pure(4)],
  // What adapters share.
  ['adapters/common', platform(3.5, [])],
  ['adapters/libp2p', platform(4, [...PURE, ...HOST, 'interface-datastore'])],
  ['adapters/store', platform(4, ['classic-level', 'abstract-level', 'idb'])],
  ['adapters/platform', platform(4, [...PURE, '@noble/curves'])],
  ['adapters/faults', platform(4, [])],
  ['node', platform(5, [...PURE, 'it-pipe', '@opentelemetry/api'])],
  ['index.ts', platform(6, [])],
  // Who is alive without a node, for any platform.
  ['membership.ts', { ...platform(6, []), isNodeAllowed: false }],
  // The same names in browsers.
  ['browser.ts', { ...platform(6, []), isNodeAllowed: false }],
  // State without a node, for any platform.
  ['crdt.ts', pure(3)],
  ['lab', shell(7, [])],
  ['http', shell(7, ['hono', '@hono/', 'zod', 'prom-client', ...PURE])],
  ['cli', shell(8, ['commander', 'cli-table3', 'zod', ...PURE])],
  // Runs in browsers.
  ['dashboard', { ...shell(8, ['preact', 'd3-force', ...PURE]), isNodeAllowed: false }],
])
/** What embedders may import is what shells may. */
const PUBLIC_API: ReadonlySet<string> = new Set(['src/index.ts', 'src/sim/index.ts'])
const PACKAGE_JSON = 'package.json'
/** Floors that know no platform: no Node.js module, and purity.ts's list of globals. */
const PURE_FLOOR_MAX = 3

/** Whether a file of src/ is a core: on a floor without platform. */
export function isCore(path: string): boolean {
  const folder = FOLDERS.get(folderOf(path) ?? '')
  return folder !== undefined && folder.floor <= PURE_FLOOR_MAX
}

/** Imports that go up, sideways, around the public API, or out of the packages a floor may use. */
export function floors(source: SourceFile): readonly Finding[] {
  const name = folderOf(source.path)
  const folder = name === undefined ? undefined : FOLDERS.get(name)
  if (name === undefined || folder === undefined) {
    const message = 'no floor: add its folder to scripts/tidy/floors.ts and docs/ARCHITECTURE.md'
    return [{ path: source.path, line: 1, message }]
  }
  const findings: Finding[] = []
  for (const use of source.uses) {
    const message =
      use.target === undefined ? outside(folder, use) : inside(name, folder, use.target)
    if (message !== undefined) findings.push({ path: source.path, line: use.line, message })
  }
  return findings
}

function outside(folder: Folder, use: ModuleUse): string | undefined {
  const name = packageOf(use.specifier)
  if (name === undefined) {
    return folder.isNodeAllowed ? undefined : `imports ${use.specifier} on a floor without platform`
  }
  const isAllowed = folder.packages.some((allowed) =>
    allowed.endsWith('/') ? name.startsWith(allowed) : name === allowed,
  )
  return isAllowed ? undefined : `imports the package ${name}, which its floor may not use`
}

function inside(fromName: string, from: Folder, target: string): string | undefined {
  if (target === PACKAGE_JSON && from.isNodeAllowed) return undefined
  const toName = folderOf(target)
  const to = toName === undefined ? undefined : FOLDERS.get(toName)
  if (to === undefined) return `imports ${target}, which is on no floor`
  if (toName === fromName) return undefined
  if (to.floor > from.floor) return `imports upwards: floor ${from.floor} imports ${target}`
  if (from.isShell) {
    if (to.isShell || PUBLIC_API.has(target)) return undefined
    return `imports ${target}: shells use ${[...PUBLIC_API].join(', ')} or each other`
  }
  return to.floor === from.floor
    ? `imports its neighbour ${target} on floor ${to.floor}`
    : undefined
}

function folderOf(path: string): string | undefined {
  const [root, first = '', second = ''] = path.split('/')
  if (root !== 'src') return undefined
  return first === 'adapters' ? `${first}/${second}` : first
}

function pure(floor: number): Folder {
  return { floor, packages: PURE, isNodeAllowed: false, isShell: false }
}

function platform(floor: number, packages: readonly string[]): Folder {
  return { floor, packages, isNodeAllowed: true, isShell: false }
}

function shell(floor: number, packages: readonly string[]): Folder {
  return { floor, packages, isNodeAllowed: true, isShell: true }
}
