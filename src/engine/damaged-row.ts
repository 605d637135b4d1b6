import { HearsayError } from '../base/errors.ts'
import type { EngineOutput } from './engine-types.ts'

/**
 * What to do about a row whose bytes the disk changed. Values and members come back from others, as after
 * any other loss (kv: digests of the other replicas; membership: gossip), so only the row goes.
 * @throws {HearsayError} ERR_STORE for replicated state, and for rows whose owner cannot be told
 */
export function damagedRow(key: string): EngineOutput {
  const writes = [{ key, value: undefined }]
  if (key.startsWith('kv!')) return { type: 'persist', source: 'kv', writes }
  if (key.startsWith('member!')) return { type: 'persist', source: 'membership', writes }
  return refuseDamagedState(key)
}

/** A hole in the log of events cannot be told from events that never were: nothing may build on it. */
function refuseDamagedState(key: string): never {
  throw new HearsayError('ERR_STORE', `Cannot load replicated state: row ${key} is damaged`, {
    hint: 'Restore a backup, or start with an empty data directory: other members hold the state',
  })
}
