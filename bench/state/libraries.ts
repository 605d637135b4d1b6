import type { Library } from './library.ts'

/** What is measured: ours first, then the peers. Versions are those of the lock file. */
export const LIBRARY_NAMES = ['hearsay', 'yjs', 'loro', 'automerge', 'json-joy'] as const

/** The packages that the peers come from. */
export const PACKAGES: Readonly<Record<string, string>> = {
  yjs: 'yjs',
  loro: 'loro-crdt',
  automerge: '@automerge/automerge',
  'json-joy': 'json-joy',
}

/** Loads one library alone, so that a process measures nothing of the others. */
export async function loadLibrary(name: string): Promise<Library> {
  switch (name) {
    case 'hearsay':
      return (await import('./hearsay.ts')).hearsay
    case 'yjs':
      return (await import('./yjs.ts')).yjs
    case 'loro':
      return (await import('./loro.ts')).loro
    case 'automerge':
      return (await import('./automerge.ts')).automerge
    case 'json-joy':
      return (await import('./json-joy.ts')).jsonJoy
    case 'model':
      return (await import('./model.ts')).model
    case 'slow-model':
      return (await import('./model.ts')).slowModel
    default:
      throw new Error(`Cannot measure: unknown library ${name}`)
  }
}
