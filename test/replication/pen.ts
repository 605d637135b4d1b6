import type { ReplicaId } from '../../src/base/ids.ts'
import { checkOperations, type Operation } from '../../src/crdt/operation.ts'
import { RunReader } from '../../src/crdt/run-reader.ts'
import type { Group } from '../../src/replication/group/group.ts'
import { GroupView } from '../../src/replication/group/group-view.ts'
import type { Receipt } from '../../src/replication/group/receipt.ts'
import { packedRuns } from '../../src/replication/group/repack.ts'
import { nodeGroup } from '../../src/replication/node-group.ts'
import { REPLICATION_DEFAULTS } from '../../src/replication/options.ts'

/** A group with one who writes in it, without store, peers or clock. */
export class Pen {
  readonly self: ReplicaId
  readonly group: Group
  readonly view: GroupView
  readonly #runs = new RunReader()
  #stamp: number

  constructor(self: ReplicaId, stamp: number = 1000) {
    this.self = self
    this.#stamp = stamp
    this.group = nodeGroup('main', REPLICATION_DEFAULTS, this.#runs)
    this.view = new GroupView(() => this.group)
  }

  /** One transaction. @returns members changed by each operation */
  write(...operations: readonly Operation[]): readonly number[] {
    this.#stamp += 1
    return this.group.write(this.self, checkOperations(operations), this.#stamp)
  }

  /** What was new since the last time, as it goes to the store. */
  take(): readonly Uint8Array[] {
    return this.group.takeUnsaved().map(({ bytes }) => bytes)
  }

  /** What readers have not been told. */
  changes(): ReturnType<Group['changes']['take']> {
    this.group.settle()
    return this.group.changes.take()
  }

  /** Everything of a writer above `known`, as it travels. */
  packed(known: number = 0, writer: ReplicaId = this.self): readonly Uint8Array[] {
    this.group.close()
    const index = this.group.state.intern(writer)
    return [...packedRuns(this.group, index, known, this.#runs)].map(({ bytes }) => bytes)
  }

  receive(...runs: readonly Uint8Array[]): readonly Receipt['type'][] {
    return runs.map((bytes) => this.group.receive(bytes).type)
  }

  /** Takes in all that another one has, of all writers. */
  follow(other: Pen): void {
    for (const { replica } of other.group.vector()) {
      this.receive(...other.packed(this.group.state.haveOf(replica), replica))
    }
  }
}
