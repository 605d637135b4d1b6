import { chainOf, chainWith, chainWithout, type Entry } from './entry.ts'

interface Node {
  /** Concurrent leaves at this very path. */
  head: Entry | undefined
  children: Map<string, Node> | undefined
}

/** The leaves of one map by path, so that a prefix is found without looking at the rest. */
export class PathTree {
  readonly #root: Node = { head: undefined, children: undefined }
  #size = 0

  /** Live entries, concurrent siblings counted each. */
  get size(): number {
    return this.#size
  }

  insert(path: readonly string[], entry: Entry): void {
    let node = this.#root
    for (const component of path) {
      node.children ??= new Map()
      let child = node.children.get(component)
      if (child === undefined) {
        child = { head: undefined, children: undefined }
        node.children.set(component, child)
      }
      node = child
    }
    node.head = chainWith(node.head, entry)
    this.#size += 1
  }

  remove(path: readonly string[], entry: Entry): void {
    const trail: Node[] = [this.#root]
    for (const component of path) {
      const child = trail.at(-1)?.children?.get(component)
      if (child === undefined) return
      trail.push(child)
    }
    const leaf = trail.at(-1)
    if (leaf === undefined) return
    leaf.head = chainWithout(leaf.head, entry)
    this.#size -= 1
    for (let depth = path.length; depth > 0; depth--) {
      const node = trail[depth]
      if (node?.head !== undefined || node?.children !== undefined) return
      const parent = trail[depth - 1]
      parent?.children?.delete(path[depth - 1] ?? '')
      if (parent?.children?.size === 0) parent.children = undefined
    }
  }

  /** Entries at the path and below it. */
  below(path: readonly string[]): readonly Entry[] {
    const entries: Entry[] = []
    const start = this.#find(path)
    const open: Node[] = start === undefined ? [] : [start]
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      entries.push(...chainOf(node.head))
      if (node.children !== undefined) open.push(...node.children.values())
    }
    return entries
  }

  /** Entries at proper prefixes of the path. */
  above(path: readonly string[]): readonly Entry[] {
    const entries: Entry[] = []
    let node: Node | undefined = this.#root
    for (const component of path) {
      entries.push(...chainOf(node.head))
      node = node.children?.get(component)
      if (node === undefined) break
    }
    return entries
  }

  /**
   * Folds the tree at a path into one value. Where concurrent writers left both a leaf and leaves below
   * it, the branch is shown: it hides one value instead of many.
   */
  fold<T>(
    path: readonly string[],
    leaf: (siblings: readonly Entry[]) => T,
    branch: (children: readonly (readonly [string, T])[]) => T,
  ): T | undefined {
    const visit = (node: Node): T => {
      if (node.children === undefined) return leaf(chainOf(node.head))
      const children: (readonly [string, T])[] = []
      for (const [component, child] of node.children) children.push([component, visit(child)])
      return branch(children)
    }
    const start = this.#find(path)
    if (start === undefined) return undefined
    return start.head === undefined && start.children === undefined ? undefined : visit(start)
  }

  #find(path: readonly string[]): Node | undefined {
    let node: Node | undefined = this.#root
    for (const component of path) node = node?.children?.get(component)
    return node
  }
}
