import { HearsayError } from '../index.ts'

/** Who stands on which side of a cut network. */
export class Partition {
  /** All names, side by side; empty when the network is whole. */
  readonly sides: readonly (readonly string[])[]
  readonly #sideByName = new Map<string, number>()

  /**
   * @param names all there are; those that no side names form a side of their own
   * @throws {HearsayError} ERR_NOT_FOUND, ERR_INVALID when a name stands on two sides
   */
  constructor(names: readonly string[], sides: readonly (readonly string[])[]) {
    const known = new Set(names)
    for (const [index, side] of sides.entries()) {
      for (const name of side) {
        if (!known.has(name)) {
          const hint = `There are ${names.join(', ')}`
          throw new HearsayError('ERR_NOT_FOUND', `Cannot find a node: ${name}`, { hint })
        }
        if ((this.#sideByName.get(name) ?? index) !== index) {
          throw new HearsayError('ERR_INVALID', `Cannot put a node on two sides: ${name}`)
        }
        this.#sideByName.set(name, index)
      }
    }
    const rest = sides.length === 0 ? [] : names.filter((name) => !this.#sideByName.has(name))
    for (const name of rest) this.#sideByName.set(name, sides.length)
    const all = rest.length === 0 ? sides : [...sides, rest]
    this.sides = all.map((side) => [...new Set(side)])
  }

  /** Index into `sides`; undefined when the network is whole. */
  sideOf(name: string): number | undefined {
    return this.#sideByName.get(name)
  }

  isCut(a: string, b: string): boolean {
    return this.sideOf(a) !== this.sideOf(b)
  }
}
