// Serves examples/page, a page that is a member, with two nodes that it joins:
//
//   npm run page [-- --port N, default any] [--node-port N, default 7491] [--data-dir DIR]
//
// Prints the address of the page. The nodes keep their state, by default below node_modules, and listen where they did
// before: stopped and started again they are found by the pages that are still open.

import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { rolldown } from 'rolldown'
import { createNode, type HearsayNode } from '../src/index.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const FOLDER = join(ROOT, 'examples', 'page')
const TYPES: Readonly<Record<string, string>> = { css: 'text/css', js: 'text/javascript' }

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    'node-port': { type: 'string', default: '7491' },
    'data-dir': { type: 'string', default: join(ROOT, 'node_modules', '.cache', 'hearsay-page') },
  },
})
const nodePort = Number(values['node-port'])
const files = new Map<string, string>([
  ['/', await readFile(join(FOLDER, 'index.html'), 'utf8')],
  ['/page.css', await readFile(join(FOLDER, 'page.css'), 'utf8')],
])
for (const [name, code] of await bundled()) files.set(`/${name}`, code)

const nodes: HearsayNode[] = []
for (const [index, name] of ['ada', 'bob'].entries()) {
  const port = nodePort === 0 ? 0 : nodePort + index
  const listen = ['/ip4/127.0.0.1/tcp/0', `/ip4/127.0.0.1/tcp/${port}/ws`]
  const seeds = nodes.flatMap((node) => node.status().listen.slice(0, 1))
  const dataDir = join(values['data-dir'], name)
  nodes.push(await createNode({ name, dataDir, listen, join: seeds }))
}

const server = createServer((request, response) => {
  const { pathname } = new URL(request.url ?? '/', 'http://page')
  const text = files.get(pathname)
  response.statusCode = text === undefined ? 404 : 200
  response.setHeader('content-type', TYPES[pathname.split('.').at(-1) ?? ''] ?? 'text/html')
  response.end(text)
})
server.listen(Number(values.port), '127.0.0.1')
await once(server, 'listening')
const address = server.address()
const port = typeof address === 'object' && address !== null ? address.port : values.port
const seeds = nodes.map((node) => `join=${urlOf(node)}`).join('&')
console.log(`http://localhost:${port}/?${seeds}`)

process.once('SIGINT', () => void stop())
process.once('SIGTERM', () => void stop())

async function stop(): Promise<void> {
  server.close()
  server.closeAllConnections()
  await Promise.all(nodes.map((node) => node.stop()))
}

/** Where pages find it. */
function urlOf(node: HearsayNode): string {
  const place = node.status().listen.find((address) => address.includes('/ws/')) ?? ''
  return `ws://127.0.0.1:${place.split('/')[4]}`
}

/** The page's script, with this checkout for the package. */
async function bundled(): Promise<readonly (readonly [string, string])[]> {
  const build = await rolldown({
    cwd: ROOT,
    input: { main: join(FOLDER, 'main.ts') },
    platform: 'browser',
    resolve: { alias: { 'hearsay/browser': join(ROOT, 'src', 'browser.ts') } },
  })
  const { output } = await build.generate({ format: 'es', minify: true })
  await build.close()
  return output.flatMap((file) => (file.type === 'chunk' ? [[file.fileName, file.code]] : []))
}
