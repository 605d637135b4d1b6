import { NO_SLOT } from './chains.ts'
import type { Slots } from './slots.ts'

interface Node {
  /** Values and counter shares at this very path, chained. */
  head: number
  /** Set elements at this very path: chains by element. */
  elements: Map<string, number> | undefined
  children: Map<string, Node> | undefined
}

/** What a leaf holds: slots of its values and counter shares, and of its set elements by element. */
export interface Leaf {
  readonly slots: readonly number[]
  readonly elements: ReadonlyMap<string, number> | undefined
}

/** The leaves of one map by path, so that a prefix is found without looking at the rest. */
export class PathTree {
  readonly #slots: Slots
  readonly #root: Node = newNode()
  #size = 0

  constructor(slots: Slots) {
    this.#slots = slots
  }

  /** Live entries, concurrent siblings counted each. */
  get size(): number {
    return this.#size
  }

  /** @param element of a set leaf */
  insert(path: readonly string[], element: string | undefined, slot: number): void {
    let node = this.#root
    for (const component of path) {
      node.children ??= new Map()
      let child = node.children.get(component)
      if (child === undefined) {
        child = newNode()
        node.children.set(component, child)
      }
      node = child
    }
    this.#size += 1
    if (element === undefined) {
      this.#slots.setNext(slot, node.head)
      node.head = slot
      return
    }
    node.elements ??= new Map()
    this.#slots.setNext(slot, node.elements.get(element) ?? NO_SLOT)
    node.elements.set(element, slot)
  }

  remove(path: readonly string[], element: string | undefined, slot: number): void {
    const trail: Node[] = [this.#root]
    for (const component of path) {
      const child = trail.at(-1)?.children?.get(component)
      if (child === undefined) return
      trail.push(child)
    }
    const leaf = trail.at(-1)
    if (leaf === undefined) return
    this.#size -= 1
    if (element === undefined) leaf.head = unchain(this.#slots, leaf.head, slot)
    else {
      const rest = unchain(this.#slots, leaf.elements?.get(element) ?? NO_SLOT, slot)
      if (rest === NO_SLOT) leaf.elements?.delete(element)
      else leaf.elements?.set(element, rest)
      if (leaf.elements?.size === 0) leaf.elements = undefined
    }
    for (let depth = path.length; depth > 0; depth--) {
      const node = trail[depth]
      if (node === undefined || !isBare(node)) return
      const parent = trail[depth - 1]
      parent?.children?.delete(path[depth - 1] ?? '')
      if (parent?.children?.size === 0) parent.children = undefined
    }
  }

  /** What lies at exactly this path; undefined where nothing does. */
  leaf(path: readonly string[]): Leaf | undefined {
    const node = this.#find(path)
    const isThere = node !== undefined && (node.head !== NO_SLOT || node.elements !== undefined)
    return isThere ? this.#leaf(node) : undefined
  }

  /** Slots of values and counter shares at a path. */
  at(path: readonly string[]): readonly number[] {
    return this.#chain(this.#find(path)?.head ?? NO_SLOT)
  }

  /** Slots of one element of the set at a path. */
  elementAt(path: readonly string[], element: string): readonly number[] {
    return this.#chain(this.#find(path)?.elements?.get(element) ?? NO_SLOT)
  }

  /** Elements of the set at a path, unordered. */
  elementsAt(path: readonly string[]): Iterable<string> {
    return this.#find(path)?.elements?.keys() ?? []
  }

  /** Slots at the path and below it. */
  below(path: readonly string[]): readonly number[] {
    return this.#under(path, true)
  }

  /** Leaves at the path and below it: each element of a set leaf counts. */
  leavesBelow(path: readonly string[]): number {
    let leaves = 0
    const start = this.#find(path)
    const open: Node[] = start === undefined ? [] : [start]
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      if (node.head !== NO_SLOT) leaves += 1
      leaves += node.elements?.size ?? 0
      for (const child of node.children?.values() ?? []) open.push(child)
    }
    return leaves
  }

  /** Slots below the path, not at it. */
  strictlyBelow(path: readonly string[]): readonly number[] {
    return this.#under(path, false)
  }

  /** Slots at proper prefixes of the path. */
  above(path: readonly string[]): readonly number[] {
    const slots: number[] = []
    let node: Node | undefined = this.#root
    for (const component of path) {
      this.#collect(node, slots)
      node = node.children?.get(component)
      if (node === undefined) break
    }
    return slots
  }

  /**
   * Folds the tree at a path into one value. Where concurrent writers left both a leaf and leaves below
   * it, the branch is shown: it hides one value instead of many.
   */
  fold<T>(
    path: readonly string[],
    leaf: (leaf: Leaf) => T,
    branch: (children: readonly (readonly [string, T])[]) => T,
  ): T | undefined {
    const visit = (node: Node): T => {
      if (node.children === undefined) return leaf(this.#leaf(node))
      const children: (readonly [string, T])[] = []
      for (const [component, child] of node.children) children.push([component, visit(child)])
      return branch(children)
    }
    const start = this.#find(path)
    return start === undefined || isBare(start) ? undefined : visit(start)
  }

  #leaf({ head, elements }: Node): Leaf {
    return { slots: this.#chain(head), elements }
  }

  #under(path: readonly string[], withStart: boolean): readonly number[] {
    const slots: number[] = []
    const start = this.#find(path)
    if (start === undefined) return slots
    if (withStart) this.#collect(start, slots)
    const open: Node[] = [...(start.children?.values() ?? [])]
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      this.#collect(node, slots)
      for (const child of node.children?.values() ?? []) open.push(child)
    }
    return slots
  }

  #collect(node: Node, into: number[]): void {
    for (let slot = node.head; slot !== NO_SLOT; slot = this.#slots.nextOf(slot)) into.push(slot)
    for (const first of node.elements?.values() ?? []) {
      for (let slot = first; slot !== NO_SLOT; slot = this.#slots.nextOf(slot)) into.push(slot)
    }
  }

  #chain(head: number): readonly number[] {
    const slots: number[] = []
    for (let slot = head; slot !== NO_SLOT; slot = this.#slots.nextOf(slot)) slots.push(slot)
    return slots
  }

  #find(path: readonly string[]): Node | undefined {
    let node: Node | undefined = this.#root
    for (const component of path) node = node?.children?.get(component)
    return node
  }
}

/** Takes a slot out of a chain. @returns the chain's new head */
export function unchain(slots: Slots, head: number, slot: number): number {
  if (head === slot) return slots.nextOf(slot)
  let before = head
  while (before !== NO_SLOT) {
    const next = slots.nextOf(before)
    if (next === slot) {
      slots.setNext(before, slots.nextOf(slot))
      break
    }
    before = next
  }
  return head
}

function newNode(): Node {
  return { head: NO_SLOT, elements: undefined, children: undefined }
}

function isBare(node: Node): boolean {
  return node.head === NO_SLOT && node.elements === undefined && node.children === undefined
}
