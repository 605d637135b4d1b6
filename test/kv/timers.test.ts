import { describe, expect, it } from 'vitest'
import { Alarm, Timers } from '../../src/kv/timers.ts'

describe('Timers', () => {
  it('ring in order, each once, moved ones at their new moment only', () => {
    const rung: string[] = []
    const timers = new Timers()
    const alarm = (name: string): Alarm => new Alarm((now) => rung.push(`${name}@${now}`))
    const [a, b, c] = [alarm('a'), alarm('b'), alarm('c')]
    timers.set(a, 10)
    timers.set(b, 5)
    timers.set(c, 7)
    timers.set(b, 12)
    c.clear()
    expect(timers.next()).toBe(10)
    timers.fire(9)
    expect(rung).toEqual([])
    timers.fire(20)
    expect(rung).toEqual(['a@20', 'b@20'])
    expect(timers.next()).toBe(undefined)
  })

  it('an alarm that sets itself again does not keep fire() from returning', () => {
    const timers = new Timers()
    let count = 0
    const alarm: Alarm = new Alarm((now) => {
      count += 1
      timers.set(alarm, now)
    })
    timers.set(alarm, 1)
    timers.fire(1)
    timers.fire(1)
    expect(count).toBe(2)
  })
})
