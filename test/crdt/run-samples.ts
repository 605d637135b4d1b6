import type { Content } from '../../src/crdt/unpack-run.ts'
import { replicaOf, type WrittenEvent, type WrittenRun } from './encoded.ts'

const A = replicaOf('a')
const B = replicaOf('b')
const STAMP = 1000

type Kills = WrittenEvent['kills']

/** The first event of a transaction. */
export function first(
  stamp: number,
  content: Content | undefined,
  kills: Kills = [],
): WrittenEvent {
  return { stamp, starts: true, content, kills }
}

/** A further event of a transaction. */
export function next(stamp: number, content: Content | undefined, kills: Kills = []): WrittenEvent {
  return { stamp, starts: false, content, kills }
}

export function element(text: string, object: string = 's'): Content {
  return { type: 'set', object, element: text }
}

const mine = (n: number): Kills[number] => ({ replica: A, n })
const theirs = (n: number): Kills[number] => ({ replica: B, n })
const counter = (total: bigint, growOnly = false): Content => ({
  type: 'counter',
  object: 'c',
  total,
  growOnly,
})
const register = (json: string): Content => ({ type: 'register', object: 'r', json })

function run(n0: number, ...events: readonly WrittenEvent[]): WrittenRun {
  return { replica: A, n0, events }
}

/** One run for each part of the format. */
export const SAMPLES: Readonly<Record<string, WrittenRun>> = {
  'one add': run(1, first(STAMP, element('apple'))),
  'one removal': run(7, first(STAMP, undefined, [mine(5)])),
  'removal of another writer’s dot': run(7, first(STAMP, undefined, [theirs(300)])),
  'removal of dots and ranges of two writers': run(
    90,
    first(STAMP, undefined, [
      mine(3),
      mine(4),
      mine(5),
      mine(9),
      theirs(1),
      theirs(2),
      theirs(1_000_000),
    ]),
  ),
  'adds that share a prefix': run(
    1,
    first(STAMP, element('apple-1')),
    next(STAMP, element('apple-2')),
    next(STAMP, element('apple-30')),
    next(STAMP, element('pear')),
  ),
  'a counter that counts on': run(
    4,
    first(STAMP, counter(300n)),
    first(STAMP + 1, counter(301n), [mine(4)]),
  ),
  'counters negative, grow-only and beyond 2^53': run(
    1,
    first(STAMP, counter(-1n)),
    next(STAMP, counter(0n, true)),
    next(STAMP, counter(2n ** 53n - 1n)),
    next(STAMP, counter(2n ** 53n)),
    next(STAMP, counter(-(2n ** 255n))),
  ),
  'a register': run(1, first(STAMP, register('{"deep":[1,null]}'))),
  'map value, counter and set': run(
    1,
    first(STAMP, { type: 'map-value', object: 'm', path: ['name', 'first'], json: '"Ada"' }),
    next(STAMP, { type: 'map-counter', object: 'm', path: ['name', 'visits'], amount: -2n }),
    next(STAMP, { type: 'map-set', object: 'm', path: ['name', 'tags'], element: 'x' }),
    next(STAMP, { type: 'map-set', object: 'm', path: ['name', 'tags'], element: '' }),
  ),
  'several objects, one of them again': run(
    1,
    first(STAMP, element('x', 'one')),
    next(STAMP, element('x', 'two')),
    next(STAMP, element('y', 'one')),
    next(STAMP, { type: 'register', object: 'one', json: '1' }),
  ),
  'transactions at the next stamp, a later one and the same one': run(
    1,
    first(STAMP, element('a')),
    first(STAMP + 1, element('b')),
    next(STAMP + 1, element('c')),
    first(STAMP + 5000, element('d')),
    first(STAMP + 5000, element('e')),
  ),
  'a kind of a newer version': run(
    1,
    first(STAMP, element('x')),
    next(STAMP, { type: 'unknown', bytes: Uint8Array.of(1, 2, 3) }),
    next(STAMP, { type: 'unknown', bytes: new Uint8Array() }, [theirs(2)]),
  ),
}
