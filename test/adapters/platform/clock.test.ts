import { expect, test } from 'vitest'
import {
  type ClockSource,
  createClock,
  TIMER_MS_MAX,
} from '../../../src/adapters/platform/clock.ts'

/** A platform whose time the test moves. */
class FakeSource implements ClockSource {
  wall = 1_700_000_000_000
  monotonic = 5
  readonly timers: { dueAt: number; callback: () => void }[] = []

  wallMs(): number {
    return Math.floor(this.wall)
  }

  monotonicMs(): number {
    return this.monotonic
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { dueAt: this.monotonic + ms, callback }
    this.timers.push(timer)
    return () => {
      const at = this.timers.indexOf(timer)
      if (at >= 0) this.timers.splice(at, 1)
    }
  }

  pass(ms: number): void {
    this.wall += ms
    this.monotonic += ms
    for (const timer of [...this.timers]) {
      if (timer.dueAt > this.monotonic) continue
      this.timers.splice(this.timers.indexOf(timer), 1)
      timer.callback()
    }
  }
}

test('now() is Unix milliseconds with fractions', () => {
  const source = new FakeSource()
  const clock = createClock(source)
  source.pass(0.25)
  expect(clock.now()).toBe(1_700_000_000_000.25)
})

test('now() follows a wall clock that is set', () => {
  const source = new FakeSource()
  const clock = createClock(source)
  source.wall += 3_600_000
  expect(clock.now()).toBe(source.wall)
  source.wall -= 7_200_000
  expect(clock.now()).toBe(source.wall)
  source.pass(0.5)
  expect(clock.now()).toBeCloseTo(source.wall, 3)
})

test('arm() wakes once, at the deadline', () => {
  const source = new FakeSource()
  const clock = createClock(source)
  let wakes = 0
  clock.arm(clock.now() + 100, () => {
    wakes += 1
  })
  source.pass(99.5)
  expect(wakes).toBe(0)
  source.pass(0.5)
  source.pass(1000)
  expect(wakes).toBe(1)
})

test('arm() never wakes before the deadline when the timer fires early', () => {
  const source = new FakeSource()
  const clock = createClock(source)
  let wokeAt = 0
  const at = clock.now() + 100
  clock.arm(at, () => {
    wokeAt = clock.now()
  })
  source.wall -= 40
  source.pass(100)
  expect(wokeAt).toBe(0)
  source.pass(40)
  expect(wokeAt).toBeGreaterThanOrEqual(at)
})

test('arm() replaces the deadline before, and undefined disarms', () => {
  const source = new FakeSource()
  const clock = createClock(source)
  const woken: string[] = []
  clock.arm(clock.now() + 10, () => woken.push('first'))
  clock.arm(clock.now() + 20, () => woken.push('second'))
  source.pass(50)
  clock.arm(clock.now() + 10, () => woken.push('third'))
  clock.arm(undefined, () => woken.push('never'))
  source.pass(50)
  expect(woken).toEqual(['second'])
  expect(source.timers).toHaveLength(0)
})

test('arm() inside wake() takes effect', () => {
  const source = new FakeSource()
  const clock = createClock(source)
  let wakes = 0
  const wake = (): void => {
    wakes += 1
    if (wakes < 3) clock.arm(clock.now() + 10, wake)
  }
  clock.arm(clock.now() + 10, wake)
  for (let i = 0; i < 5; i++) source.pass(10)
  expect(wakes).toBe(3)
})

test('arm() reaches a deadline beyond the longest timer in steps', () => {
  const source = new FakeSource()
  const clock = createClock(source)
  let wakes = 0
  clock.arm(clock.now() + 2.5 * TIMER_MS_MAX, () => {
    wakes += 1
  })
  for (const share of [1, 1]) source.pass(share * TIMER_MS_MAX)
  expect(wakes).toBe(0)
  source.pass(TIMER_MS_MAX)
  expect(wakes).toBe(1)
})

test('createClock() works on the platform itself', async () => {
  const clock = createClock()
  const at = clock.now() + 2
  await new Promise<void>((resolve) => clock.arm(at, resolve))
  expect(clock.now()).toBeGreaterThanOrEqual(at)
  expect(Math.abs(clock.now() - Date.now())).toBeLessThan(1000)
})
