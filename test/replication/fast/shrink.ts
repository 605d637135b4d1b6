import type { Schedule, Step } from './schedule.ts'

/**
 * A smaller schedule that fails too: steps left out, one after the other and by halves, then transactions
 * made shorter, until nothing more can go.
 */
export function shrunk(schedule: Schedule, fails: (schedule: Schedule) => boolean): Schedule {
  let best = schedule
  const attempt = (steps: readonly Step[]): boolean => {
    const smaller = { ...best, steps }
    if (!fails(smaller)) return false
    best = smaller
    return true
  }
  for (let before = -1; before !== sizeOf(best); ) {
    before = sizeOf(best)
    for (let length = best.steps.length; length >= 1; length >>>= 1) {
      for (let at = best.steps.length - length; at >= 0; at--) {
        attempt(best.steps.filter((_, i) => i < at || i >= at + length))
      }
    }
    for (let at = 0; at < best.steps.length; at++) {
      for (const simpler of simplerSteps(best.steps[at])) attempt(best.steps.with(at, simpler))
    }
    for (let replicas = 2; replicas < best.replicas; replicas++) {
      const smaller = { ...best, replicas }
      if (fails(smaller)) best = smaller
    }
  }
  return best
}

function sizeOf({ steps, replicas }: Schedule): number {
  let size = replicas
  for (const step of steps) {
    size += 100 + (step.type === 'write' ? step.operations.length * 10 : 0)
    if (step.type === 'write' && step.stamp !== 0) size += 1
    if (step.type === 'write' && !step.isDurable) size += 1
  }
  return size
}

function* simplerSteps(step: Step | undefined): Generator<Step> {
  if (step?.type !== 'write') return
  for (let i = 0; i < step.operations.length && step.operations.length > 1; i++) {
    yield { ...step, operations: step.operations.filter((_, j) => j !== i) }
  }
  if (step.stamp !== 0) yield { ...step, stamp: 0 }
  if (!step.isDurable) yield { ...step, isDurable: true }
}
