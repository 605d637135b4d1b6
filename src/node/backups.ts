import type { Store } from '../adapters/store/store.ts'
import { writeBackup } from '../adapters/store/write-backup.ts'
import { HearsayError } from '../base/errors.ts'

/** Each holds back what LevelDB would clean up, and a megabyte or so. */
const BACKUPS_MAX = 4

/** Backups of one open store. */
export class Backups {
  readonly #store: Pick<Store, 'rows'>
  readonly #about: BackupAbout
  #open = 0

  constructor(store: Pick<Store, 'rows'>, about: BackupAbout) {
    this.#store = store
    this.#about = about
  }

  /** @throws {HearsayError} when it is read: ERR_OVERLOADED, ERR_STORE, ERR_LIMIT */
  async *open(signal: AbortSignal | undefined): AsyncGenerator<Uint8Array, void, void> {
    signal?.throwIfAborted()
    if (this.#open >= BACKUPS_MAX) {
      throw new HearsayError(
        'ERR_OVERLOADED',
        `Cannot back up: ${BACKUPS_MAX} backups are under way`,
        { hint: 'Wait for one to end' },
      )
    }
    this.#open += 1
    try {
      const createdAt = new Date().toISOString()
      for await (const piece of writeBackup(this.#store, { ...this.#about, createdAt })) {
        yield piece
        signal?.throwIfAborted()
      }
    } finally {
      this.#open -= 1
    }
  }
}

/** Whose backups they are. */
export type BackupAbout = Omit<Parameters<typeof writeBackup>[1], 'createdAt'>
