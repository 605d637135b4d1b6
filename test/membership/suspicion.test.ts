import { describe, expect, test } from 'vitest'
import { DEFAULT_TUNABLES } from '../../src/membership/options.ts'
import { observersQuorum, suspicionDeadline } from '../../src/membership/suspicion.ts'

const facts = {
  startedAt: 0,
  accusers: 1,
  refused: 0,
  failed: 0,
  witnesses: 9,
  heardWitnesses: 9,
  members: 10,
  scale: 1,
  latenessMs: 0,
  isDegraded: false,
  isOneOfMany: false,
  isCutNear: false,
  observers: { all: 8, alive: 8, accusing: 0 },
}
const lasts = (change: Partial<typeof facts>): number =>
  suspicionDeadline({ ...facts, ...change }, DEFAULT_TUNABLES)

describe('suspicionDeadline()', () => {
  test('Lifeguard §IV-B: confirmations shorten it from max to min', () => {
    expect(lasts({ accusers: 1 })).toBe(24_000)
    expect(lasts({ accusers: 2 })).toBeCloseTo(24_000 - (20_000 * Math.log(2)) / Math.log(3))
    expect(lasts({ accusers: 3 })).toBe(4_000)
    expect(lasts({ accusers: 8 })).toBe(4_000)
  })

  test('who is late itself gives an accusation and its refutation six times that', () => {
    const agreed = { all: 8, alive: 8, accusing: 5 }
    expect(lasts({ observers: agreed, latenessMs: 100 })).toBe(1_600)
    expect(lasts({ failed: 1, latenessMs: 100 })).toBe(1_600)
    // A closed port is no matter of time.
    expect(lasts({ refused: 2, latenessMs: 100 })).toBe(500)
  })

  test('min grows with log10 of the members', () => {
    expect(lasts({ accusers: 3, members: 100 })).toBe(8_000)
    expect(lasts({ accusers: 3, members: 2 })).toBe(4_000)
  })

  test('nobody waits for witnesses that do not exist or are not heard', () => {
    expect(lasts({ witnesses: 1, members: 2 })).toBe(4_000)
    expect(lasts({ heardWitnesses: 1 })).toBe(4_000)
    expect(lasts({ witnesses: 2, accusers: 2 })).toBe(4_000)
  })

  test('two refused dials end it after 500 ms, one when there is no other witness', () => {
    expect(lasts({ refused: 1 })).toBe(24_000)
    expect(lasts({ refused: 2 })).toBe(500)
    expect(lasts({ refused: 1, witnesses: 1 })).toBe(500)
  })

  test('a failure claim ends it after the refutation window', () => {
    expect(lasts({ failed: 1 })).toBe(1_000)
  })

  test('when many are suspect at once it takes three windows, whoever says so', () => {
    const observers = { all: 8, alive: 8, accusing: 5 }
    expect(lasts({ failed: 1, isOneOfMany: true })).toBe(3_000)
    expect(lasts({ isOneOfMany: true, observers })).toBe(3_000)
  })

  test('near a cut neither failure claims nor observers shorten it', () => {
    const observers = { all: 8, alive: 8, accusing: 8 }
    expect(lasts({ accusers: 8, failed: 3, isCutNear: true, observers })).toBe(4_000)
    expect(lasts({ refused: 2, isCutNear: true })).toBe(500)
  })

  test('five observers are as many as any, of seven as of eight; four of seven wait longer', () => {
    expect(lasts({ observers: { all: 7, alive: 7, accusing: 5 } })).toBe(1_000)
    expect(lasts({ observers: { all: 7, alive: 7, accusing: 4 } })).toBe(1_250)
  })

  test('five of eight observers end it after the refutation window, four do not', () => {
    expect(lasts({ observers: { all: 8, alive: 8, accusing: 5 } })).toBe(1_000)
    expect(lasts({ observers: { all: 8, alive: 8, accusing: 4 } })).toBe(24_000)
  })

  test('a node that distrusts itself gives the subject longer', () => {
    expect(lasts({ scale: 3, observers: { all: 8, alive: 8, accusing: 5 } })).toBe(3_000)
    expect(lasts({ scale: 3, failed: 1 })).toBe(3_000)
  })

  test('a member that says that it hears badly gets five times as long', () => {
    expect(lasts({ isDegraded: true, observers: { all: 8, alive: 8, accusing: 5 } })).toBe(5_000)
  })

  test('fewer observers give the subject longer', () => {
    expect(lasts({ observers: { all: 4, alive: 4, accusing: 3 } })).toBe(1_500)
    expect(lasts({ observers: { all: 1, alive: 1, accusing: 1 } })).toBe(2_000)
  })
})

describe('observersQuorum()', () => {
  test.each([
    [{ all: 1, alive: 1 }, 1],
    [{ all: 2, alive: 2 }, 2],
    [{ all: 4, alive: 4 }, 3],
    [{ all: 8, alive: 8 }, 5],
    // Half of them are on the other side of a cut.
    [{ all: 8, alive: 4 }, 3],
    // Two that are left, perhaps because they hold all others for suspect, do not decide.
    [{ all: 8, alive: 2 }, 3],
    [{ all: 8, alive: 0 }, 3],
  ])('of %j is %i', (observers, quorum) => {
    expect(observersQuorum({ ...observers, accusing: 0 })).toBe(quorum)
  })
})
