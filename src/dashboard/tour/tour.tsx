import type { VNode } from 'preact'
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { isStill, usePage, usePageState } from '../page.ts'
import { type Stage, tourSteps } from './steps.ts'

/** Parts of the page that the tour's card would cover in its usual corner. */
const RIGHT: ReadonlySet<string> = new Set(['details', 'timeline', 'ring'])

/** A walk through the live demo: each step does something, and points at what to look at. */
export function Tour({ onClose }: { readonly onClose: () => void }): VNode {
  const { store, actions } = usePage()
  const state = usePageState()
  const heading = useRef<HTMLHeadingElement>(null)
  const [index, go] = useState(0)
  const [acted, setActed] = useState<'no' | 'busy' | 'yes'>('no')
  const stage = useMemo((): Stage => ({ store, actions, written: 0 }), [store, actions])
  const count = state.snapshot?.peers.filter((peer) => peer.isOurs).length ?? 0
  const steps = useMemo(() => tourSteps(count), [count])
  const step = steps[index]

  useEffect(() => {
    setActed('no')
    heading.current?.focus({ preventScroll: true })
  }, [index])
  useEffect(() => {
    if (step === undefined) return
    store.set({ pointedAt: step.at })
    const behavior = isStill() ? 'auto' : 'smooth'
    document.getElementById(step.at)?.scrollIntoView({ block: 'start', behavior })
    return () => store.set({ pointedAt: undefined })
  }, [store, step])

  if (step === undefined) return <div />
  const isDone = acted === 'yes' && step.isDone(state)
  const isLast = index === steps.length - 1
  const act = async (): Promise<void> => {
    if (acted === 'busy') return
    setActed('busy')
    setActed((await step.act(stage)) ? 'yes' : 'no')
  }
  return (
    <aside
      class={`tour${RIGHT.has(step.at) ? ' is-left' : ''}`}
      aria-labelledby="tour-title"
      onKeyDown={(event) => event.key === 'Escape' && onClose()}
    >
      <p class="quiet">
        Step {index + 1} of {steps.length}
      </p>
      <h2 id="tour-title" tabIndex={-1} ref={heading}>
        {step.title}
      </h2>
      <p>{step.text}</p>
      <p class="look">
        <strong>Look:</strong> {step.look}
      </p>
      <p class="tour-state" role="status">
        {acted === 'busy' && 'Doing it…'}
        {acted === 'yes' && (isDone ? '✓ There it is' : 'Done; wait for it…')}
      </p>
      <div class="actions">
        <button
          type="button"
          class={isDone ? '' : 'primary'}
          id="tour-act"
          aria-busy={acted === 'busy'}
          onClick={() => void act()}
        >
          {step.button}
        </button>
        <button type="button" disabled={index === 0} onClick={() => go(index - 1)}>
          Back
        </button>
        <button
          type="button"
          id="tour-next"
          class={isDone ? 'primary' : ''}
          onClick={() => (isLast ? onClose() : go(index + 1))}
        >
          {isLast ? 'Finish' : 'Next'}
        </button>
        <button type="button" class="plain" onClick={onClose}>
          Close
        </button>
      </div>
    </aside>
  )
}
