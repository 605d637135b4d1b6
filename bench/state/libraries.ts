import type { Library } from './library.ts'

/** What is measured: ours first, then the peers. Versions are those of the lock file. */
export const LIBRARY_NAMES = ['hearsay', 'yjs', 'loro', 'automerge', 'json-joy'] as const

/** The packages that the peers come from, and how each keeps a set. */
export const PEERS: Readonly<Record<string, { readonly from: string; readonly note: string }>> = {
  yjs: { from: 'yjs', note: 'Y.Map of keys, updates in format 1' },
  loro: {
    from: 'loro-crdt',
    note: 'LoroMap of keys, shallow snapshots (which no older replica can catch up from)',
  },
  automerge: { from: '@automerge/automerge', note: 'object of keys' },
  'json-joy': { from: 'json-joy', note: 'obj of keys, patches, structural snapshots, delta sync' },
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
