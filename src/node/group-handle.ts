import type { Driver } from '../engine/driver.ts'
import type {
  Counter,
  GroupHandle,
  Json,
  MapHandle,
  ObjectInfo,
  Register,
  SetHandle,
  Waiting,
} from './node-types.ts'
import { request } from './requests.ts'

type Transact = Extract<Parameters<Driver['request']>[0], { readonly type: 'transact' }>
type Operation = Transact['operations'][number]

/** Handles on the objects of one group. Reads are synchronous and local; writes resolve when durable here. */
export function createGroupHandle(driver: Driver, group: string): GroupHandle {
  const { replication } = driver.engine
  const view = (): ReturnType<typeof replication.view> => replication.view(group)
  const run = async (operation: Operation, waiting: Waiting = {}): Promise<number> => {
    const command = { type: 'transact', group, operations: [operation] } as const
    const options = { expected: 'transact', signal: waiting.signal } as const
    const { results } = await request(driver, command, options)
    return results[0]?.changed ?? 0
  }
  return {
    name: group,
    counter: (name): Counter => ({
      async add(amount = 1, options = {}) {
        const { growOnly } = options
        const kind = growOnly === undefined ? {} : { growOnly }
        await run({ type: 'counter-add', object: name, amount: toBigint(amount), ...kind }, options)
      },
      get value() {
        return fromBigint(view().counter(name))
      },
    }),
    set: (name): SetHandle => ({
      add: (values, options) =>
        run({ type: 'set-add', object: name, values: toList(values) }, options),
      remove: (values, options) =>
        run({ type: 'set-remove', object: name, values: toList(values) }, options),
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
        await run({ type: 'map-set', object: name, path, value }, options)
      },
      remove: (path, options) => run({ type: 'map-remove', object: name, path }, options),
      at: (path) => view().mapAt(name, path),
      get value() {
        return view().map(name)
      },
    }),
    objects: (): readonly ObjectInfo[] =>
      view()
        .objects()
        .map(({ name, type }) => ({ name, type, group })),
  }
}

function toBigint(amount: number | bigint): bigint {
  if (typeof amount === 'bigint') return amount
  if (!Number.isSafeInteger(amount)) {
    throw new RangeError(`Cannot add to counter: expected a safe integer: ${amount}`)
  }
  return BigInt(amount)
}

function fromBigint(value: bigint): number | bigint {
  const isSafe = value <= Number.MAX_SAFE_INTEGER && value >= Number.MIN_SAFE_INTEGER
  return isSafe ? Number(value) : value
}

function toList(values: string | readonly string[]): readonly string[] {
  return typeof values === 'string' ? [values] : values
}
