import { HearsayError } from '../base/errors.ts'

/** What a command gets when the node can no longer keep a promise. */
export function storeFailure(cause: Error): HearsayError {
  if (cause instanceof HearsayError) return cause
  return new HearsayError('ERR_STORE', `Cannot write to the store: ${cause.message}`, {
    hint: 'Free or repair the disk, then start the node again; nothing acknowledged is lost',
    cause,
  })
}
