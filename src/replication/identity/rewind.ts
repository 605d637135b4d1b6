import { assert } from '../../base/assert.ts'
import type { Lanes } from '../../crdt/event-draft.ts'
import type { LiveState } from '../../crdt/live-state.ts'

/**
 * Takes a writer's events above `to` back as if they had never come. Their entries go; what they killed
 * stays dead, so that whoever gives them other dots must have those kill it again.
 */
export function rewind(state: LiveState, index: number, to: number, chain: Lanes): void {
  const have = state.have(index)
  assert(to <= have, 'only what came can be taken back')
  const dots: number[] = []
  state.walk(index, to + 1, have, (_slot, n) => {
    dots.push(n)
    return true
  })
  for (const n of dots) state.kill(index, n)
  state.jump(index, to, chain)
}
