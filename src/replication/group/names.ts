import type { ReplicaId } from '../../base/ids.ts'
import type { RunNames } from '../../crdt/run-writer.ts'
import type { Group } from './group.ts'

/** Numbers for objects, whether the state holds them or not. */
export class Names implements RunNames {
  readonly #group: Group
  readonly #names: string[] = []
  readonly #numbers = new Map<string, number>()

  constructor(group: Group) {
    this.#group = group
  }

  objectName(object: number): string {
    return this.#names[object] ?? ''
  }

  replicaAt(replica: number): ReplicaId {
    return this.#group.state.replicaAt(replica)
  }

  number(type: string, name: string): number {
    const key = `${type}:${name}`
    let number = this.#numbers.get(key)
    if (number === undefined) {
      number = this.#names.length
      this.#names.push(name)
      this.#numbers.set(key, number)
    }
    return number
  }
}
