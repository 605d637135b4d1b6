import { describe, expect, test } from 'vitest'
import { labNames } from '../../src/lab/lab-names.ts'
import { Ledger } from '../../src/lab/ledger.ts'
import { Partition } from '../../src/lab/partition.ts'
import { Serial } from '../../src/lab/serial.ts'
import { Watch } from '../../src/lab/watch.ts'
import { memoryNode } from '../http/memory-node.ts'

describe('labNames()', () => {
  test('are letters, then numbers', () => {
    expect(labNames(3, undefined)).toEqual(['a', 'b', 'c'])
    expect(labNames(28, undefined).slice(24)).toEqual(['y', 'z', 'n27', 'n28'])
  })

  test('refuses what is no number of nodes, and names that do not fit', () => {
    for (const nodes of [0, -1, 1.5, 201, Number.NaN]) {
      expect(() => labNames(nodes, undefined)).toThrow(RangeError)
    }
    expect(() => labNames(2, ['x'])).toThrow('2 different names')
    expect(() => labNames(2, ['x', 'x'])).toThrow('2 different names')
    expect(labNames(2, ['x', 'y'])).toEqual(['x', 'y'])
  })
})

describe('Partition', () => {
  const names = ['a', 'b', 'c', 'd']

  test('cuts between sides only', () => {
    const { sides, isCut } = bind(
      new Partition(names, [
        ['a', 'b'],
        ['c', 'd'],
      ]),
    )
    expect(sides).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ])
    expect([isCut('a', 'b'), isCut('a', 'c'), isCut('d', 'c')]).toEqual([false, true, false])
  })

  test('puts those that no side names on a side of their own', () => {
    const { sides, isCut } = bind(new Partition(names, [['b']]))
    expect(sides).toEqual([['b'], ['a', 'c', 'd']])
    expect([isCut('a', 'd'), isCut('a', 'b')]).toEqual([false, true])
  })

  test('without sides nobody is cut off', () => {
    const { sides, isCut } = bind(new Partition(names, []))
    expect(sides).toEqual([])
    expect(isCut('a', 'b')).toBe(false)
  })

  test('refuses unknown names, and a name on two sides', () => {
    expect(() => new Partition(names, [['x']])).toThrow('Cannot find a node: x')
    expect(() => new Partition(names, [['a'], ['a']])).toThrow('two sides')
    expect(new Partition(names, [['a', 'a']]).sides[0]).toEqual(['a'])
  })

  function bind(partition: Partition) {
    return { sides: partition.sides, isCut: (a: string, b: string) => partition.isCut(a, b) }
  }
})

describe('Serial', () => {
  test('runs one task at a time, and goes on after a failure', async () => {
    const serial = new Serial()
    const log: string[] = []
    const task = (name: string) => async () => {
      log.push(`${name} begins`)
      await Promise.resolve()
      log.push(`${name} ends`)
      if (name === 'b') throw new Error(name)
    }
    const outcomes = await Promise.allSettled(['a', 'b', 'c'].map((name) => serial.run(task(name))))
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(log.join(', ')).toBe('a begins, a ends, b begins, b ends, c begins, c ends')
  })
})

describe('Watch', () => {
  test('asks again when woken', async () => {
    const watch = new Watch()
    let asked = 0
    let holds = false
    const waiting = watch.until(() => {
      asked += 1
      return holds
    })
    expect(asked).toBe(1)
    holds = true
    watch.wake()
    await waiting
    expect(asked).toBe(2)
  })

  test('rejects with the reason of its signal and with what the condition throws', async () => {
    const watch = new Watch()
    const stop = new AbortController()
    const waiting = watch.until(() => false, { signal: stop.signal })
    stop.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
    await expect(watch.until(() => false, { signal: stop.signal })).rejects.toThrow('enough')
    const broken = (): boolean => {
      throw new Error('broken')
    }
    await expect(watch.until(broken)).rejects.toThrow('broken')
  })
})

describe('Ledger', () => {
  test('counts what a node does not hold', async () => {
    const ledger = new Ledger('c', 's')
    const { signal } = new AbortController()
    const [a, b] = [memoryNode({ name: 'a' }), memoryNode({ name: 'b' })]
    await a.counter('c').add(5)
    await ledger.write(a, { amount: 2, values: ['x', 'y'], signal })
    expect(ledger.sum).toBe(7)
    expect(ledger.size).toBe(2)
    expect(ledger.missingOn(a)).toBe(0)
    expect(ledger.missingOn(b)).toBe(3)
    await b.counter('c').add(7)
    await b.set('s').add('x')
    expect(ledger.missingOn(b)).toBe(1)
  })
})
