import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Heap } from '../../src/base/heap.ts'

test('Heap pops in order whatever was pushed and popped between', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.integer(), { nil: undefined })), (steps) => {
      const heap = new Heap<number>((a, b) => a < b)
      const model: number[] = []
      for (const step of steps) {
        if (step === undefined) {
          expect(heap.pop()).toBe(model.shift())
        } else {
          heap.push(step)
          model.push(step)
          model.sort((a, b) => a - b)
        }
        expect(heap.size).toBe(model.length)
        expect(heap.peek()).toBe(model[0])
      }
    }),
  )
})
