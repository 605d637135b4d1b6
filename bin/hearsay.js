#!/usr/bin/env node
// Starts the hearsay command under any Node.js: below 22.12 it runs itself again on the runtime that
// the repository's optional dependencies brought, or says what to do. Plain JavaScript that Node.js 14
// can parse, because an old Node.js must get as far as the version check.
//
// It starts src/cli/main.ts in a checkout (Node.js strips the types) and dist/cli/main.js when
// installed.

import childProcess from 'node:child_process'
import fs from 'node:fs'
import module from 'node:module'
import os from 'node:os'
import path from 'node:path'
import url from 'node:url'

const ROOT = path.dirname(path.dirname(url.fileURLToPath(import.meta.url)))
/** What libp2p and commander need (engines in package.json). */
const NODE_MIN = [22, 12]
/** Since these Node.js runs TypeScript without a flag; a checkout needs it. */
const NODE_STRIPS_TYPES = [22, 18]
/** Set for the second run, so that a runtime that is too old again cannot start a third. */
const RERUN_MARK = 'HEARSAY_RERUN'
const EXIT_FAILURE = 1
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2']

const source = path.join(ROOT, 'src', 'cli', 'main.ts')
const built = path.join(ROOT, 'dist', 'cli', 'main.js')
const isCheckout = fs.existsSync(source)

if (isAtLeast(isCheckout ? NODE_STRIPS_TYPES : NODE_MIN)) start()
else rerun()

function isAtLeast(minimum) {
  const [major, minor] = process.versions.node.split('.').map(Number)
  return major > minimum[0] || (major === minimum[0] && minor >= minimum[1])
}

function start() {
  const cache = cacheDirectory()
  if (cache !== undefined) module.enableCompileCache(cache)
  delete process.env[RERUN_MARK]
  import(url.pathToFileURL(isCheckout ? source : built).href).then(
    (program) => program.main(),
    (error) => {
      if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error
      const isInstalled = fs.existsSync(path.join(ROOT, 'node_modules'))
      fail(isInstalled ? error.message : 'its dependencies are missing: run npm ci first')
    },
  )
}

/**
 * Where compiled code is kept, so that the next start need not compile: a directory of this user alone, for
 * who writes there decides what runs here, and Node.js would take one below the temporary directory. Undefined
 * without a home that can be written: then nothing is kept.
 */
function cacheDirectory() {
  if (module.enableCompileCache === undefined) return undefined
  try {
    const caches = process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache')
    const directory = path.join(caches, 'hearsay', 'compiled')
    // One by one: in some places that take none (/proc) Node.js never ends making parents.
    for (const one of [caches, path.dirname(directory), directory]) makeDirectory(one)
    const isOwn = process.getuid === undefined || fs.statSync(directory).uid === process.getuid()
    return isOwn ? directory : undefined
  } catch {
    return undefined
  }
}

function makeDirectory(directory) {
  try {
    fs.mkdirSync(directory, { mode: 0o700 })
  } catch (error) {
    if (error.code !== 'EEXIST') throw error
  }
}

function rerun() {
  const runtime = findRuntime()
  if (runtime === undefined) {
    const wanted = (isCheckout ? NODE_STRIPS_TYPES : NODE_MIN).join('.')
    const hint = isCheckout ? 'run npm ci, which brings one, or install' : 'install'
    fail(`needs Node.js ${wanted} or newer, this is ${process.version}: ${hint} Node.js 24`)
    return
  }
  const env = { ...process.env, [RERUN_MARK]: '1' }
  const script = url.fileURLToPath(import.meta.url)
  const parameters = process.execArgv.concat(script, process.argv.slice(2))
  const child = childProcess.spawn(runtime, parameters, { stdio: 'inherit', env })
  for (const signal of SIGNALS) forward(signal, child)
  child.on('error', (error) => fail(`cannot run ${runtime}: ${error.message}`))
  child.on('exit', (code, signal) => {
    if (signal === null) {
      process.exitCode = code
      return
    }
    // Ends as the child did: whoever waits for this process sees the same signal.
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}

/** Passes a signal on, except those that a terminal has already given to the child as well. */
function forward(signal, child) {
  if (process.platform === 'win32' && signal !== 'SIGINT' && signal !== 'SIGHUP') return
  const fromTerminal = signal === 'SIGINT' || signal === 'SIGQUIT' || signal === 'SIGHUP'
  process.on(signal, () => {
    if (fromTerminal && isForeground()) return
    child.kill(signal)
  })
}

/**
 * Whether the terminal's keys reach this process: it is in the foreground group, to which a terminal
 * sends its signals, and so is the child. On Linux the kernel tells; elsewhere a terminal is believed.
 */
function isForeground() {
  if (process.platform === 'win32') return true
  try {
    const text = fs.readFileSync('/proc/self/stat', 'utf8')
    // The command's name may hold spaces and brackets: the fields are counted behind it.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return fields[2] === fields[5]
  } catch {
    return process.stdin.isTTY === true
  }
}

/** The node binary of the platform package in node_modules, here or in a parent directory. */
function findRuntime() {
  if (process.env[RERUN_MARK] !== undefined) return undefined
  const name = process.platform === 'win32' ? 'node.exe' : 'node'
  const platform = `${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`
  const packages = [`node-${platform}`, `node-bin-${platform}`]
  for (const item of packages) {
    const candidate = path.join(ROOT, 'node_modules', item, 'bin', name)
    if (fs.existsSync(candidate)) return candidate
  }
  return undefined
}

function fail(message) {
  process.stderr.write(`hearsay: ${message}\n`)
  process.exitCode = EXIT_FAILURE
}
