import { followObject } from './follow-changes.ts'
import type { GroupAccess } from './group-access.ts'
import { mapCounterAdd, mapRemove, mapSet, mapSetChange } from './operations.ts'
import type { Json, MapCounter, MapHandle, MapRegister, MapSet } from './state-types.ts'

/** A handle on one map of a group. */
export function createMapHandle(access: GroupAccess, name: string): MapHandle {
  const { group, changes, run } = access
  const at = (path: readonly string[]): Json | undefined => access.view().mapAt(name, path)
  const set: MapHandle['set'] = async (path, value, options) => {
    await run(mapSet(name, path, value), options)
  }
  return {
    set,
    remove: async (path, options) => run(mapRemove(name, path), options),
    counterAt: (path): MapCounter => ({
      async add(amount = 1, options) {
        await run(mapCounterAdd(name, path, amount), options)
      },
      get value() {
        return sumOf(at(path))
      },
    }),
    setAt: (path): MapSet => {
      const leaf = { object: name, path }
      return {
        add: async (values, options) => run(mapSetChange('map-set-add', leaf, values), options),
        remove: async (values, options) =>
          run(mapSetChange('map-set-remove', leaf, values), options),
        has: (value) => textsOf(at(path)).includes(value),
        get values() {
          return textsOf(at(path))
        },
      }
    },
    registerAt: (path): MapRegister => ({
      set: (value, options) => set(path, value, options),
      get value() {
        return at(path)
      },
    }),
    at,
    get value() {
      return access.view().map(name)
    },
    watch: (options) => followObject(changes, { group, name, type: 'map' }, options),
  }
}

/** A counter's leaf is a number, or digits where a number would not be exact. */
function sumOf(leaf: Json | undefined): number | bigint {
  if (typeof leaf === 'number') return leaf
  return typeof leaf === 'string' && /^-?\d{16,100}$/.test(leaf) ? BigInt(leaf) : 0
}

function textsOf(leaf: Json | undefined): readonly string[] {
  return Array.isArray(leaf) ? leaf.filter((item): item is string => typeof item === 'string') : []
}
