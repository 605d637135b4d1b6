import type { Driver } from '../engine/driver.ts'
import type { Command, CommandResult } from '../engine/engine-types.ts'

interface RequestOptions<Type> {
  readonly expected: Type
  readonly signal?: AbortSignal | undefined
}

type ResultOf<Type extends CommandResult['type']> = Extract<CommandResult, { readonly type: Type }>

/**
 * Runs one command and waits for its outcome. Aborting rejects with `signal.reason`; what the
 * command began may still take effect.
 * @param expected the result's type, which the command determines
 */
export function request<Type extends CommandResult['type']>(
  driver: Driver,
  command: Command,
  options: RequestOptions<Type>,
): Promise<ResultOf<Type>> {
  return requestFor(driver, command, options, (result) => result)
}

/** As {@link request}, for what `read` makes of the result: one promise, where awaiting would make three. */
export function requestFor<Type extends CommandResult['type'], Told>(
  driver: Driver,
  command: Command,
  { expected, signal }: RequestOptions<Type>,
  read: (result: ResultOf<Type>) => Told,
): Promise<Told> {
  if (signal?.aborted === true) return Promise.reject(signal.reason)
  return new Promise((resolve, reject) => {
    let id = 0
    const abort = (): void => {
      driver.cancel(id)
      reject(signal?.reason)
    }
    signal?.addEventListener('abort', abort, { once: true })
    id = driver.request(command, (outcome) => {
      signal?.removeEventListener('abort', abort)
      if (!outcome.ok) reject(outcome.error)
      else if (isResult(outcome.result, expected)) resolve(read(outcome.result))
      else reject(new Error(`Broken invariant: ${expected} answered ${outcome.result.type}`))
    })
  })
}

function isResult<Type extends CommandResult['type']>(
  result: CommandResult,
  type: Type,
): result is ResultOf<Type> {
  return result.type === type
}
