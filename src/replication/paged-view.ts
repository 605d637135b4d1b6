import { type SetPage, setPage } from '../crdt/set-page.ts'
import { GroupView, type Readable } from './group/group-view.ts'

/** Readers of a node's group, which must not hold it up however much there is to read. */
export class PagedView extends GroupView {
  readonly #group: () => Readable

  constructor(group: () => Readable) {
    super(group)
    this.#group = group
  }

  /** Some of a set's elements, see setPage(). */
  setPage(name: string, from: number): SetPage {
    const group = this.#group()
    group.settle()
    return setPage(group.reader, name, from)
  }
}
