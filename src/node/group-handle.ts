import type { Driver } from '../engine/driver.ts'
import { counterAdd, mapRemove, mapSet, type Operation, setChange } from './operations.ts'
import { request } from './requests.ts'
import type {
  Counter,
  GroupHandle,
  Json,
  MapHandle,
  ObjectInfo,
  Register,
  SetHandle,
  TransactionInfo,
  Waiting,
} from './state-types.ts'
import { collectOperations, operationResults } from './transaction.ts'

/** Handles on the objects of one group. Reads are synchronous and local; writes resolve when durable here. */
export function createGroupHandle(driver: Driver, group: string): GroupHandle {
  const { replication } = driver.engine
  const view = (): ReturnType<typeof replication.view> => replication.view(group)
  const write = async (
    operations: readonly Operation[],
    waiting: Waiting = {},
  ): Promise<TransactionInfo> => {
    const command = { type: 'transact', group, operations } as const
    const options = { expected: 'transact', signal: waiting.signal } as const
    const { results } = await request(driver, command, options)
    return { group, results: operationResults(operations, results) }
  }
  const run = async (operation: Operation, waiting?: Waiting): Promise<number> => {
    const { results } = await write([operation], waiting)
    return results[0]?.changed ?? 0
  }
  return {
    name: group,
    counter: (name): Counter => ({
      async add(amount = 1, options = {}) {
        await run(counterAdd(name, amount, options), options)
      },
      get value() {
        return fromBigint(view().counter(name))
      },
    }),
    set: (name): SetHandle => ({
      add: async (values, options) => run(setChange('set-add', name, values), options),
      remove: async (values, options) => run(setChange('set-remove', name, values), options),
      has: (value) => view().setHas(name, value),
      get size() {
        return view().setSize(name)
      },
      get values() {
        return view().setValues(name)
      },
    }),
    register: (name): Register => ({
      async set(value, options) {
        await run({ type: 'register-set', object: name, value }, options)
      },
      get value(): Json | undefined {
        return view().register(name).value
      },
      get siblings() {
        return view().register(name).siblings
      },
    }),
    map: (name): MapHandle => ({
      async set(path, value, options) {
        await run(mapSet(name, path, value), options)
      },
      remove: async (path, options) => run(mapRemove(name, path), options),
      at: (path) => view().mapAt(name, path),
      get value() {
        return view().map(name)
      },
    }),
    objects: (): readonly ObjectInfo[] =>
      view()
        .objects()
        .map(({ name, type }) => ({ name, type, group })),
    transact: async (build, options) => write(collectOperations(build), options),
  }
}

function fromBigint(value: bigint): number | bigint {
  const isSafe = value <= Number.MAX_SAFE_INTEGER && value >= Number.MIN_SAFE_INTEGER
  return isSafe ? Number(value) : value
}
