import { HearsayError } from '../base/errors.ts'
import type { EngineOutput } from './engine-types.ts'

/**
 * What to do about a row whose bytes the disk changed, other than replicated state. Values and members come
 * back from others, as after any other loss (kv: digests of the other replicas; membership: gossip), so only
 * the row goes.
 * @throws {HearsayError} ERR_STORE for rows whose owner cannot be told
 */
export function damagedRow(key: string): EngineOutput {
  const writes = [{ key, value: undefined }]
  if (key.startsWith('kv!')) return { type: 'persist', source: 'kv', writes }
  if (key.startsWith('member!')) return { type: 'persist', source: 'membership', writes }
  throw new HearsayError('ERR_STORE', `Cannot load row ${JSON.stringify(key)}: it is damaged`, {
    hint: 'Restore a backup, or start with an empty data directory: other members hold the state',
  })
}
