import { describe, expect, test } from 'vitest'
import { present } from '../../src/base/assert.ts'
import type { PeerId } from '../../src/base/ids.ts'
import { randomInteger, seededRandom } from '../../src/base/random.ts'
import { DialWindow } from '../../src/membership/dial-window.ts'
import type { Pulse } from '../../src/membership/shared.ts'
import { TestSigner } from './signer.ts'

const peers = Array.from({ length: 64 }, (_, index) => new TestSigner(index + 1).peerId)

const peer = (index: number): PeerId => present(peers[index % peers.length], 'as many peers')

/** A node that was never late. */
const calm = (): Pulse => ({ heardAt: 0, lateAt: Number.NEGATIVE_INFINITY })

/** Begins dials as long as the window is open. @returns how many */
function fill(window: DialWindow, now: number, first: number = 0): number {
  let begun = 0
  while (begun < peers.length && window.isOpen(now)) {
    window.began(peer(first + begun), now)
    begun += 1
  }
  return begun
}

describe('the window of dials', () => {
  test('doubles with every round of dials that succeed, to a limit', () => {
    const window = new DialWindow(seededRandom(1), calm())
    const rounds: number[] = []
    for (let now = 0; now < 5; now++) {
      const begun = fill(window, now)
      rounds.push(begun)
      for (let index = 0; index < begun; index++) window.succeeded(peer(index))
    }
    expect(rounds).toEqual([4, 8, 16, 16, 16])
  })

  test('a failed dial makes room and does not widen', () => {
    const window = new DialWindow(seededRandom(1), calm())
    expect(fill(window, 0)).toBe(4)
    for (let index = 0; index < 4; index++) window.failed(peer(index))
    expect(fill(window, 1)).toBe(4)
  })

  test('dials without an answer count for a second, each from its own beginning', () => {
    const window = new DialWindow(seededRandom(1), calm())
    expect(fill(window, 0)).toBe(4)
    expect(window.openAt(10)).toBe(1_000)
    expect(window.isOpen(999)).toBe(false)
    expect(fill(window, 1_000)).toBe(4)
    window.failed(peer(0))
    expect(fill(window, 1_500, 10)).toBe(1)
    expect(window.openAt(1_600)).toBe(2_000)
    // The one that began in between counts on.
    expect(fill(window, 2_000, 20)).toBe(3)
  })

  test('who is late begins nothing for a while, then half as many, but always one', () => {
    const window = new DialWindow(seededRandom(1), calm())
    let now = 0
    const counts: number[] = []
    for (let round = 0; round < 5; round++) {
      window.late(400, now)
      const openAt = window.openAt(now)
      expect(openAt).toBeGreaterThanOrEqual(now + 200)
      expect(openAt).toBeLessThanOrEqual(now + 600)
      now += 1_500
      const begun = fill(window, now)
      counts.push(begun)
      for (let index = 0; index < begun; index++) window.failed(peer(index))
    }
    expect(counts).toEqual([2, 1, 1, 1, 1])
  })

  test('a burst of late timers halves once', () => {
    const window = new DialWindow(seededRandom(1), calm())
    for (let now = 0; now < 400; now += 50) window.late(200, now)
    expect(fill(window, 2_000)).toBe(2)
  })

  test('of a slow node dials count for longer, and it begins none without need', () => {
    const pulse = calm()
    const window = new DialWindow(seededRandom(1), pulse)
    expect(window.isIdle(0)).toBe(true)
    pulse.lateAt = 0
    expect(window.isIdle(0)).toBe(false)
    expect(fill(window, 0)).toBe(4)
    expect(window.openAt(2_999)).toBe(6_000)
    expect(window.openAt(3_000)).toBe(3_000)
    expect(window.isIdle(3_000)).toBe(true)
  })

  test('looks at the clock as long as dials count', () => {
    const window = new DialWindow(seededRandom(1), calm())
    expect(window.checkAt(0)).toBeUndefined()
    fill(window, 0)
    expect(window.checkAt(50)).toBe(150)
    for (let index = 0; index < 4; index++) window.failed(peer(index))
    expect(window.checkAt(60)).toBeUndefined()
  })

  test('never more than sixteen young dials, and never closed for long', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = seededRandom(seed)
      const pulse = calm()
      const window = new DialWindow(random, pulse)
      const underWay = new Map<PeerId, number>()
      let now = 0
      let begun = 0
      for (let step = 0; step < 300; step++) {
        now += randomInteger(random, 60)
        const choice = randomInteger(random, 16)
        const who = peer(randomInteger(random, peers.length))
        if (choice === 0) {
          window.late(randomInteger(random, 3_000), now)
          pulse.lateAt = now
        } else if (choice < 3) window.failed(who)
        else if (choice < 6) window.succeeded(who)
        if (choice < 6) underWay.delete(who)
        else if (window.isOpen(now)) {
          window.began(who, now)
          underWay.set(who, now)
          begun += 1
        } else expect(window.openAt(now), `seed ${seed}`).toBeGreaterThan(now)
        const young = [...underWay.values()].filter((beganAt) => beganAt > now - 1_000)
        expect(young.length, `seed ${seed}`).toBeLessThanOrEqual(16)
        expect(window.openAt(now) - now, `seed ${seed}`).toBeLessThanOrEqual(6_000)
      }
      // One that is given up after six seconds, and a pause of a second and a half.
      expect(begun, `seed ${seed}`).toBeGreaterThanOrEqual(Math.floor(now / 7_500))
    }
  })
})
