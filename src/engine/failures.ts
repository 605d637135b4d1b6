import { HearsayError } from '../base/errors.ts'

/** What a command gets when the node can no longer keep a promise. */
export function storeFailure(cause: Error): HearsayError {
  if (cause instanceof HearsayError) return cause
  return new HearsayError('ERR_STORE', `Cannot write to the store: ${cause.message}`, {
    hint: 'Free or repair the disk, then start the node again; nothing acknowledged is lost',
    cause,
  })
}

/** What a command that writes gets while the disk has no room: nothing of it is applied. */
export function storeFull(action: string): HearsayError {
  return new HearsayError('ERR_STORE_FULL', `Cannot ${action}: the disk is full`, {
    hint: 'Free space where the data directory is: writes go on by themselves then, and reads go on now',
  })
}

/** What callers get when the node cannot go on because of a bug of ours. */
export function internalFailure(cause: unknown): HearsayError {
  const what = cause instanceof Error ? cause.message : String(cause)
  return new HearsayError('ERR_INTERNAL', `Cannot go on: ${what}`, {
    hint: 'Start the node again, nothing acknowledged is lost; and report it with the stack of the cause',
    cause,
  })
}

/** Why a node ends itself when a process with its key runs that is older. @param addresses of that one */
export function twinFailure([address]: readonly string[]): HearsayError {
  const where = address === undefined ? '' : ` at ${address}`
  return new HearsayError(
    'ERR_IDENTITY',
    `Cannot go on: another process${where} runs with this identity and started before this one`,
    {
      hint: 'Remove identity.key from a copied data directory and start it again, or stop the other process',
    },
  )
}
