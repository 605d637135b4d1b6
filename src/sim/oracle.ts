import type { UserOperation } from './operations.ts'
import type { SubjectState } from './subject.ts'

/** What became of an operation, as its user knows it. */
type Fate = 'acknowledged' | 'unknown'

interface Written {
  readonly node: number
  fate: Fate
}

interface SetValue extends Written {
  /** Somebody asked for its removal; it may or may not be there. */
  isRemovalAsked: boolean
  /** The removal of an observed value was acknowledged: it must be gone. */
  isRemoved: boolean
}

interface Cell {
  readonly written: Map<string, Written>
  /** Values that an acknowledged write had observed: they must never be read again after all have merged. */
  readonly overwritten: Set<string>
}

/** One operation between its call and its answer. */
export interface Ticket {
  readonly node: number
  readonly operation: UserOperation
  readonly observed: readonly string[]
}

/** Which acknowledged operations a state is asked to hold. */
export interface Scope {
  /** Only operations of this node's users: what its own disk must give back after a crash. */
  readonly node?: number
}

/**
 * Remembers, outside the nodes, what users were promised, and says what of it a state breaks. Operations
 * without an answer may have happened or not; either is right.
 */
export class Oracle {
  /** object → amounts by node. */
  readonly #counters: Map<string, { acknowledged: bigint[]; asked: bigint }> = new Map()
  readonly #sets: Map<string, Map<string, SetValue>> = new Map()
  /** Registers by name, map leaves by name and path. */
  readonly #registers: Map<string, Cell> = new Map()
  readonly #leaves: Map<string, { readonly object: string; readonly path: readonly string[] }> =
    new Map()
  #acknowledged = 0
  #asked = 0

  get acknowledged(): number {
    return this.#acknowledged
  }

  get asked(): number {
    return this.#asked
  }

  /** Values of a set that nobody has asked to remove. */
  removable(object: string, present: readonly string[]): readonly string[] {
    const values = this.#sets.get(object)
    return present.filter((value) => values?.get(value)?.isRemovalAsked === false)
  }

  /** A user calls; `state` is what the node shows at that instant. */
  ask(node: number, operation: UserOperation, state: SubjectState): Ticket {
    this.#asked += 1
    const written: Written = { node, fate: 'unknown' }
    switch (operation.type) {
      case 'counter-add':
        this.#counter(operation.object).asked += BigInt(operation.amount)
        return { node, operation, observed: [] }
      case 'set-add':
        this.#set(operation.object).set(operation.value, {
          ...written,
          isRemovalAsked: false,
          isRemoved: false,
        })
        return { node, operation, observed: [] }
      case 'set-remove': {
        const value = this.#set(operation.object).get(operation.value)
        if (value !== undefined) value.isRemovalAsked = true
        return { node, operation, observed: [] }
      }
      case 'register-set': {
        this.#cell(operation.object).written.set(operation.value, written)
        return { node, operation, observed: asTexts(state.register(operation.object)) }
      }
      case 'map-set': {
        const { object, path } = operation
        const cell = leafName(object, path)
        this.#leaves.set(cell, { object, path })
        this.#cell(cell).written.set(operation.value, written)
        return { node, operation, observed: asTexts(leafOf(state, object, path)) }
      }
      default:
        return { node, operation, observed: [] }
    }
  }

  /** The answer was yes. @param changed how many elements it changed, for removals */
  acknowledge(ticket: Ticket, changed: number): void {
    this.#acknowledged += 1
    const { node, operation } = ticket
    switch (operation.type) {
      case 'counter-add': {
        const { acknowledged } = this.#counter(operation.object)
        acknowledged[node] = (acknowledged[node] ?? 0n) + BigInt(operation.amount)
        return
      }
      case 'set-add': {
        const value = this.#set(operation.object).get(operation.value)
        if (value !== undefined) value.fate = 'acknowledged'
        return
      }
      case 'set-remove': {
        const value = this.#set(operation.object).get(operation.value)
        if (value !== undefined && changed > 0) value.isRemoved = true
        return
      }
      case 'register-set':
        this.#overwrite(this.#cell(operation.object), operation.value, ticket.observed)
        return
      case 'map-set': {
        const cell = this.#cell(leafName(operation.object, operation.path))
        this.#overwrite(cell, operation.value, ticket.observed)
        return
      }
      default:
        return
    }
  }

  /** What a state breaks, in words. With a node's scope: only what its own users were promised. */
  broken(state: SubjectState, scope: Scope = {}): readonly string[] {
    return [
      ...this.#brokenCounters(state, scope),
      ...this.#brokenSets(state, scope),
      ...this.#brokenCells(state, scope),
    ]
  }

  /** Something counted twice or read that nobody wrote: wrong at every instant, on every node. */
  impossible(state: SubjectState): readonly string[] {
    const broken: string[] = []
    for (const [object, { asked }] of this.#counters) {
      const value = state.counter(object)
      if (value > asked) broken.push(`${object} is ${value}, above all that was asked, ${asked}`)
    }
    for (const [object, values] of this.#sets) {
      for (const value of state.setValues(object)) {
        if (!values.has(value)) broken.push(`${object} holds ${value}, which nobody added`)
      }
    }
    return broken
  }

  #brokenCounters(state: SubjectState, scope: Scope): string[] {
    const broken: string[] = []
    for (const [object, { acknowledged }] of this.#counters) {
      let promised = 0n
      for (const [node, amount] of acknowledged.entries()) {
        if (isInScope(scope, node)) promised += amount ?? 0n
      }
      const value = state.counter(object)
      if (value < promised) broken.push(`${object} is ${value}, acknowledged were ${promised}`)
    }
    return broken
  }

  #brokenSets(state: SubjectState, scope: Scope): string[] {
    const broken: string[] = []
    for (const [object, values] of this.#sets) {
      const held = new Set(state.setValues(object))
      for (const [value, { node, fate, isRemovalAsked, isRemoved }] of values) {
        const isPromised = fate === 'acknowledged' && isInScope(scope, node)
        if (isPromised && !isRemovalAsked && !held.has(value)) {
          broken.push(`${object} lost ${value}`)
        }
        if (isRemoved && scope.node === undefined && held.has(value)) {
          broken.push(`${object} shows ${value} again after its removal`)
        }
      }
    }
    return broken
  }

  #brokenCells(state: SubjectState, scope: Scope): string[] {
    const broken: string[] = []
    for (const [name, cell] of this.#registers) {
      const leaf = this.#leaves.get(name)
      const shown =
        leaf === undefined ? state.register(name) : leafOf(state, leaf.object, leaf.path)
      const [winner] = asTexts(shown)
      const isPromised = [...cell.written.values()].some(
        ({ node, fate }) => fate === 'acknowledged' && isInScope(scope, node),
      )
      if (winner === undefined) {
        if (isPromised) broken.push(`${name} is empty after an acknowledged write`)
      } else if (!cell.written.has(winner)) {
        broken.push(`${name} holds ${winner}, which nobody wrote`)
      } else if (scope.node === undefined && cell.overwritten.has(winner)) {
        broken.push(`${name} shows ${winner}, which an acknowledged write had replaced`)
      }
    }
    return broken
  }

  #overwrite(cell: Cell, value: string, observed: readonly string[]): void {
    const written = cell.written.get(value)
    if (written !== undefined) written.fate = 'acknowledged'
    for (const old of observed) cell.overwritten.add(old)
  }

  #counter(object: string): { acknowledged: bigint[]; asked: bigint } {
    const known = this.#counters.get(object) ?? { acknowledged: [], asked: 0n }
    this.#counters.set(object, known)
    return known
  }

  #set(object: string): Map<string, SetValue> {
    const known = this.#sets.get(object) ?? new Map<string, SetValue>()
    this.#sets.set(object, known)
    return known
  }

  #cell(name: string): Cell {
    const known = this.#registers.get(name) ?? { written: new Map(), overwritten: new Set() }
    this.#registers.set(name, known)
    return known
  }
}

function isInScope(scope: Scope, node: number): boolean {
  return scope.node === undefined || scope.node === node
}

function leafName(object: string, path: readonly string[]): string {
  return `${object}.${path.join('.')}`
}

function leafOf(state: SubjectState, object: string, path: readonly string[]): unknown {
  let at: unknown = state.map(object)
  for (const component of path) {
    if (typeof at !== 'object' || at === null) return undefined
    at = Object.entries(at).find(([key]) => key === component)?.[1]
  }
  return at
}

/** The values of a register, the winner first: all siblings when it shows them. */
function asTexts(shown: unknown): readonly string[] {
  if (typeof shown === 'string') return [shown]
  return Array.isArray(shown) ? shown.filter((item) => typeof item === 'string') : []
}
