import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

/** It stays on this machine: no look-ups, updates or reports of its own. */
export const CHROMIUM_FLAGS: readonly string[] = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-dev-shm-usage'],
]

/** The machine's Chromium: HEARSAY_CHROMIUM, else the first on the path; undefined: there is none. */
export function findChromium(): string | undefined {
  const { HEARSAY_CHROMIUM: chosen, PATH = '' } = process.env
  if (chosen !== undefined && chosen !== '') return chosen
  const candidates = NAMES.flatMap((name) =>
    PATH.split(delimiter).map((directory) => join(directory, name)),
  )
  return candidates.find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
