import type { VNode } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { Details } from './details.tsx'
import { Graph } from './graph/graph.tsx'
import { Header } from './header.tsx'
import { Members } from './members.tsx'
import { usePage, usePageState } from './page.ts'
import { RingView } from './ring/ring-view.tsx'
import { Strip } from './strip.tsx'
import { TimelineView } from './timeline-view.tsx'
import { Tour } from './tour/tour.tsx'
import { Values } from './values.tsx'
import { Write } from './write.tsx'

/** What went well is told for so long; what did not stays until it is dismissed. */
const NOTICE_MS = 8_000

export function App(): VNode {
  const state = usePageState()
  const [isTouring, setTouring] = useState(false)
  if (state.phase === 'sign-in') return <SignIn />
  if (state.snapshot === undefined) {
    return (
      <p class="loading" role="status">
        {state.trouble ?? 'Loading…'}
      </p>
    )
  }
  return (
    <>
      <Header onTour={() => setTouring(true)} />
      <main>
        <Graph />
        <div class="beside">
          <Details />
          <TimelineView />
        </div>
        <Strip />
        <Values />
        <div class="left">
          <Members />
          <Write />
        </div>
        <RingView />
      </main>
      <Notice />
      {isTouring && <Tour onClose={() => setTouring(false)} />}
    </>
  )
}

/** What came of the last action, for eyes and screen readers. */
function Notice(): VNode {
  const { store } = usePage()
  const { notice, trouble } = usePageState()
  useEffect(() => {
    if (notice === undefined || notice.isError) return
    const timer = setTimeout(() => store.set({ notice: undefined }), NOTICE_MS)
    return () => clearTimeout(timer)
  }, [store, notice])
  const text = trouble === undefined ? notice?.text : `No answer, trying again: ${trouble}`
  const isError = trouble !== undefined || notice?.isError === true
  return (
    <div
      id="notice"
      class={`notice${isError ? ' is-error' : ''}`}
      role="status"
      data-shown={text !== undefined && text !== ''}
    >
      {text !== undefined && (
        <>
          <span aria-hidden="true">{isError ? '⚠' : '✓'}</span> <span>{text}</span>
          {trouble === undefined && (
            <button
              type="button"
              class="plain"
              aria-label="Dismiss"
              onClick={() => store.set({ notice: undefined })}
            >
              ×
            </button>
          )}
        </>
      )}
    </div>
  )
}

function SignIn(): VNode {
  const { session } = usePage()
  const [token, setToken] = useState('')
  const submit = (event: Event): void => {
    event.preventDefault()
    session.token = token.trim()
    location.reload()
  }
  return (
    <main class="sign-in">
      <h1>hearsay</h1>
      <p>This node wants its token. The command that started it says where the token lies.</p>
      <form onSubmit={submit}>
        <label>
          Token{' '}
          <input
            type="password"
            autocomplete="off"
            value={token}
            onInput={(event) => setToken(event.currentTarget.value)}
          />
        </label>{' '}
        <button type="submit">Show</button>
      </form>
    </main>
  )
}
