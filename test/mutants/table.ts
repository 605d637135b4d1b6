/*
 * Planted bugs. Each is a change of the source as text; text that is no longer there exactly once fails the
 * test, so that no mutant is lost unnoticed. `killedBy` says who finds it: random schedules (see
 * test/replication/fast), or a test file.
 */

export interface Edit {
  readonly file: string
  readonly find: string
  readonly replace: string
}

/** Tests of one file: those whose names hold a text. */
export interface Tests {
  readonly file: string
  readonly named: string
}

export interface Mutant {
  readonly name: string
  readonly edits: readonly Edit[]
  readonly killedBy: 'schedules' | Tests
}

const STATE = 'src/crdt/live-state.ts'
const MUTATE = 'src/crdt/mutate.ts'
const GROUP = 'src/replication/group/group.ts'
const LOG = 'src/replication/group/group-log.ts'
const ADOPTION = 'src/replication/base/adoption.ts'
const ADOPTING = 'src/replication/base/adopting.ts'
const ASIDE = 'src/replication/base/aside.ts'
const WALK = 'src/replication/base/base-walk.ts'
const SNAPSHOT = 'src/replication/store/snapshot.ts'
const DRIVER = 'src/engine/driver.ts'

const FORKS: Tests = {
  file: 'test/replication/group/group.test.ts',
  named: 'two histories under one id',
}
const LOST: Tests = { file: 'test/replication/anomalies.test.ts', named: 'disk' }
const DURABLE: Tests = {
  file: 'test/engine/driver.test.ts',
  named: 'told to nobody before it is durable',
}

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'a kill that comes before its event is forgotten (no pendingKills)',
    killedBy: 'schedules',
    edits: [{ file: STATE, find: 'writer.pendingKills.add(n)', replace: '' }],
  },
  {
    name: 'an event whose kill came first lives',
    killedBy: 'schedules',
    edits: [
      {
        file: STATE,
        find: 'event.kind !== KIND_NONE && !isUnborn',
        replace: 'event.kind !== KIND_NONE',
      },
    ],
  },
  {
    name: 'kills that wait stay when their events are adopted',
    killedBy: 'schedules',
    edits: [
      {
        file: STATE,
        find: 'for (const n of writer.pendingKills) if (n <= have) writer.pendingKills.delete(n)',
        replace: '',
      },
    ],
  },
  {
    name: 'the vector moves over gaps (max-vector)',
    killedBy: 'schedules',
    edits: [
      {
        file: GROUP,
        find: 'if (n0 > have + 1) {',
        replace: `const known = this.state.intern(replica)
    if (n0 > have + 1) this.state.adopt(known, n0 - 1, this.state.chainOf(known))
    if (n0 > this.state.have(known) + 1) {`,
      },
      {
        file: GROUP,
        find: "if (chain.high !== runs.chain.high || chain.low !== runs.chain.low) return 'conflict'",
        replace: '',
      },
    ],
  },
  {
    name: 'a base that was merged leaves the log as if it were whole (no truncation mark)',
    killedBy: 'schedules',
    edits: [
      {
        file: ADOPTING,
        find: 'if (have > state.have(writer)) log.truncate(writer, have, chain)',
        replace: '',
      },
    ],
  },
  {
    name: 'a base put in place leaves the log as if it were whole (no truncation mark)',
    killedBy: 'schedules',
    edits: [
      {
        file: 'src/replication/base/swap.ts',
        find: 'if (have > before.have(writer)) group.log.truncate(writer, have, chain)',
        replace: '',
      },
    ],
  },
  {
    name: 'a base put in place forgets what came meanwhile',
    killedBy: 'schedules',
    edits: [
      {
        file: ASIDE,
        find: 'while (this.#behind() > 0) if (this.#replay() === undefined) return false',
        replace: '',
      },
    ],
  },
  {
    name: 'a base merged beside the state forgets the kills that wait here',
    killedBy: 'schedules',
    edits: [
      {
        file: ASIDE,
        find: 'adoptHead(this.state, own)',
        replace: 'adoptHead(this.state, own.map((told) => ({ ...told, pendingKills: [] })))',
      },
    ],
  },
  {
    name: 'what died elsewhere lives on in a state merged beside the old one',
    killedBy: 'schedules',
    edits: [{ file: ADOPTING, find: 'yield* aside.kill(this.#found)', replace: '' }],
  },
  {
    name: 'the log is forgotten beyond what a snapshot covers',
    killedBy: 'schedules',
    edits: [
      {
        file: LOG,
        find: 'if (row === undefined || row.sequence >= limits.coveredBy) break',
        replace: 'if (row === undefined) break',
      },
    ],
  },
  {
    name: 'a snapshot claims what came after it began',
    killedBy: 'schedules',
    edits: [
      {
        file: SNAPSHOT,
        find: 'const { epoch, sequence, stamp, head } = this.#manifest',
        replace: `const { epoch, stamp } = this.#manifest
    const { sequence } = group
    const head = headOf(group.state)`,
      },
    ],
  },
  {
    name: 'vector entries without live entries are dropped from bases',
    killedBy: 'schedules',
    edits: [
      {
        file: WALK,
        find: 'if (have === 0 && pendingKills.length === 0) continue',
        replace: `let lives = 0
    state.walk(i, 1, Math.max(1, have), () => {
      lives += 1
      return true
    })
    if (lives === 0 && pendingKills.length === 0) continue`,
      },
    ],
  },
  {
    name: 'a base without the kills that wait',
    killedBy: 'schedules',
    edits: [
      { file: ADOPTION, find: 'if (n > have) state.kill(id, n)', replace: 'state.have(id + n)' },
    ],
  },
  {
    name: 'a base revives what waits to be killed here',
    killedBy: 'schedules',
    edits: [
      {
        file: ADOPTION,
        find: 'if (n <= have || pending.has(n)) continue',
        replace: 'if (n <= have) continue',
      },
    ],
  },
  {
    name: 'what died elsewhere lives on beside a base (its map is ignored)',
    killedBy: 'schedules',
    edits: [
      {
        file: ADOPTING,
        find: 'if (dots.length > 0) this.#found.push({ writer: id, dots })',
        replace: '',
      },
    ],
  },
  {
    name: 'what died elsewhere lives on after a start (the map of a stored base is ignored)',
    killedBy: 'schedules',
    edits: [
      {
        file: ADOPTION,
        find: 'else for (const n of deadThere(state, id, item)) state.kill(id, n)',
        replace: '',
      },
    ],
  },
  {
    name: 'half of a base is to be seen (what it kills dies before the rest has come)',
    killedBy: {
      file: 'test/replication/base/adopting.test.ts',
      named: 'meets whatever is written and heard meanwhile',
    },
    edits: [
      {
        file: ADOPTING,
        find: 'if (dots.length > 0) this.#found.push({ writer: id, dots })',
        replace: 'for (const n of dots) state.kill(id, n)',
      },
    ],
  },
  {
    name: 'a run that overlaps is applied from its start (counters double)',
    killedBy: 'schedules',
    edits: [
      {
        file: GROUP,
        find: '{ writer, table, from, to: count }',
        replace: '{ writer, table, from: 0, to: count }',
      },
      {
        file: STATE,
        find: `const writer = this.#writers.at(index)
    assert(n === writer.have + 1, 'events in order')`,
        replace: 'const writer = this.#writers.at(index)',
      },
    ],
  },
  {
    name: 'a run that waited is taken to continue what is here',
    killedBy: 'schedules',
    edits: [
      { file: GROUP, find: 'const from = have + 1 - n0\n', replace: 'const from = 0\n' },
      {
        file: GROUP,
        find: "if (chain.high !== runs.chain.high || chain.low !== runs.chain.low) return 'conflict'",
        replace: '',
      },
    ],
  },
  {
    name: 'a concurrent register sibling of a lower stamp is dropped',
    killedBy: 'schedules',
    edits: [
      { file: STATE, find: '{ type EventDraft, type Lanes', replace: '{ EventDraft, type Lanes' },
      {
        file: STATE,
        find: 'const { killCount, killWriters, killDots } = event\n    for (let i = 0; i < killCount; i++) this.kill(',
        replace: `const { killCount, killWriters, killDots } = event
    const lower: number[] = []
    if (event.kind === 3) this.objectAt(event.object).eachSlot((slot) => lower.push(slot))
    const sibling = new EventDraft()
    for (const slot of lower) {
      this.draftOf(slot, sibling)
      if (sibling.stamp < event.stamp) this.kill(this.slots.writerOf(slot), this.slots.dotOf(slot))
    }
    for (let i = 0; i < killCount; i++) this.kill(`,
      },
    ],
  },
  {
    name: 'a counter forgets the total that an increment replaces',
    killedBy: 'schedules',
    edits: [
      {
        file: MUTATE,
        find: '      total = sum(total, this.#amountAt(slot))\n      this.#kill(slot)',
        replace: '      this.#kill(slot)',
      },
    ],
  },
  {
    name: 'removing a branch of a map leaves its own leaf',
    killedBy: 'schedules',
    edits: [
      {
        file: MUTATE,
        find: 'this.#emitKills(tree.below(path))',
        replace: 'this.#emitKills(tree.strictlyBelow(path))',
      },
    ],
  },
  {
    name: 'a removal kills one of several additions of its element',
    killedBy: 'schedules',
    edits: [
      {
        file: MUTATE,
        find: 'for (let slot = object.first(key); slot !== NO_SLOT; slot = object.after(slot, key)) {\n        slots.push(slot)\n      }',
        replace: 'const slot = object.first(key)\n      if (slot !== NO_SLOT) slots.push(slot)',
      },
    ],
  },
  {
    name: 'chains are not compared: another history is taken in',
    killedBy: FORKS,
    edits: [
      {
        file: GROUP,
        find: "if (chain.high !== runs.chain.high || chain.low !== runs.chain.low) return 'conflict'",
        replace: '',
      },
      { file: GROUP, find: "if (runs.starts[from] !== 1) return 'conflict'", replace: '' },
    ],
  },
  {
    name: 'every store writes under the same id (reused after a lost disk)',
    killedBy: LOST,
    edits: [
      {
        file: 'src/replication/identity/identity.ts',
        find: 'hex(randomBytes(this.#random, 16))',
        replace: 'hex(randomBytes(this.#random, 16).fill(7))',
      },
    ],
  },
  {
    name: 'frames leave before what they tell is durable',
    killedBy: DURABLE,
    edits: [
      {
        file: DRIVER,
        find: 'else if (this.#issued[gate] <= this.#durable) this.#perform(output)',
        replace:
          "else if (output.type === 'send' || this.#issued[gate] <= this.#durable) this.#perform(output)",
      },
    ],
  },
  {
    name: 'writers are told before their writes are durable',
    killedBy: DURABLE,
    edits: [
      {
        file: DRIVER,
        find: 'else if (this.#issued[gate] <= this.#durable) this.#perform(output)',
        replace:
          "else if (output.type === 'outcome' || this.#issued[gate] <= this.#durable) this.#perform(output)",
      },
    ],
  },
]
