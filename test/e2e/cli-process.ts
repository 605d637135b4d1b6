import { spawn } from 'node:child_process'
import { BIN } from './command.ts'

const RUN_MS_MAX = 60_000

export interface Ran {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** Runs one verb as a process of its own to its end. */
export function hearsay(runtimeDir: string, args: readonly string[]): Promise<Ran> {
  const { promise, resolve } = Promise.withResolvers<Ran>()
  const child = spawn(process.execPath, [BIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, HEARSAY_RUNTIME_DIR: runtimeDir },
    timeout: RUN_MS_MAX,
  })
  let out = ''
  let err = ''
  child.stdout.on('data', (chunk) => {
    out += String(chunk)
  })
  child.stderr.on('data', (chunk) => {
    err += String(chunk)
  })
  child.once('close', (code) => resolve({ code, out, err }))
  return promise
}
