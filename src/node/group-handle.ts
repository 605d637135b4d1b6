import type { Driver } from '../engine/driver.ts'
import type { ChangeFeed } from './change-feed.ts'
import { followChanges, followObject } from './follow-changes.ts'
import type { GroupAccess } from './group-access.ts'
import { listSet } from './list-set.ts'
import { createMapHandle } from './map-handle.ts'
import { fromBigint } from './numbers.ts'
import { counterAdd, type Operation, setChange } from './operations.ts'
import { request, requestFor } from './requests.ts'
import type {
  Counter,
  GroupHandle,
  Json,
  ObjectInfo,
  Register,
  SetHandle,
  TransactionInfo,
  UndoableInfo,
  UndoInfo,
  Waiting,
} from './state-types.ts'
import { collectOperations, operationResults } from './transaction.ts'

/** Handles on the objects of one group. Reads are synchronous and local; writes resolve when durable here. */
export function createGroupHandle(driver: Driver, group: string, changes: ChangeFeed): GroupHandle {
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
  const run = (operation: Operation, waiting: Waiting = {}): Promise<number> => {
    const command = { type: 'transact', group, operations: [operation] } as const
    const options = { expected: 'transact', signal: waiting.signal } as const
    return requestFor(driver, command, options, ({ results }) => results[0]?.changed ?? 0)
  }
  const access: GroupAccess = { group, changes, view, run }
  return {
    name: group,
    counter: (name): Counter => ({
      async add(amount = 1, options = {}) {
        await run(counterAdd(name, amount, options), options)
      },
      get value() {
        return fromBigint(view().counter(name))
      },
      watch: (options) => followObject(changes, { group, name, type: 'counter' }, options),
    }),
    set: (name): SetHandle => ({
      add: (values, options) => run(setChange('set-add', name, values), options),
      remove: (values, options) => run(setChange('set-remove', name, values), options),
      has: (value) => view().setHas(name, value),
      get size() {
        return view().setSize(name)
      },
      get values() {
        return view().setValues(name)
      },
      list: () => listSet(view, name),
      watch: (options) => followObject(changes, { group, name, type: 'set' }, options),
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
      watch: (options) => followObject(changes, { group, name, type: 'register' }, options),
    }),
    map: (name) => createMapHandle(access, name),
    objects: (): readonly ObjectInfo[] =>
      view()
        .objects()
        .map(({ name, type }) => ({ name, type, group })),
    watch: (options) => followChanges(changes, (change) => change.group === group, options),
    transact: async (build, options) => write(collectOperations(build), options),
    undo: async ({ transaction, signal } = {}): Promise<UndoInfo> => {
      const command = { type: 'undo', group, transaction } as const
      const { undo } = await request(driver, command, { expected: 'undo', signal })
      const { undoneBy, ...told } = undo
      return { group, ...told, ...(undoneBy === undefined ? {} : { undoneBy }) }
    },
    undoable: (): readonly UndoableInfo[] =>
      view()
        .undoable()
        .map(({ undoes, ...told }) => {
          return undoes === undefined ? told : { ...told, undoes }
        }),
  }
}
