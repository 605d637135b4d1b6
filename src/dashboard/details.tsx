import type { VNode } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { ExplainAnswer } from '../http/shapes.ts'
import { pointed, usePage, usePageState } from './page.ts'
import { isPresent, type Peer } from './snapshot.ts'
import { clock, plural, shortDigest } from './text.ts'
import { Text } from './theirs.tsx'

/** Moments of a member's history that are shown. */
const MOMENTS_MAX = 6

/** The chosen node: how it is, what can be done to it, and why others believe what they believe. */
export function Details(): VNode {
  const state = usePageState()
  const { snapshot, selected } = state
  const peer = snapshot?.peers.find((one) => one.peerId === selected)
  return (
    <section
      id="details"
      class={`details${pointed(state, 'details')}`}
      aria-labelledby="details-title"
      aria-live="polite"
    >
      {peer === undefined ? (
        <>
          <h2 id="details-title">No node chosen</h2>
          <p class="quiet">Click a node of the graph, or press Enter on it.</p>
        </>
      ) : (
        <Chosen peer={peer} />
      )}
    </section>
  )
}

function Chosen({ peer }: { readonly peer: Peer }): VNode {
  const { snapshot, colours } = usePageState()
  const slot = colours.get(peer.digest)
  return (
    <>
      <h2 id="details-title">
        <Text of={peer.name} max={40} /> <StateWord state={peer.state} />
      </h2>
      {peer.isOurs && <Faults peer={peer} />}
      <dl>
        <dt>state</dt>
        <dd>
          {slot !== undefined && isPresent(peer) && (
            <span class={`swatch state-${slot}`} aria-hidden="true" />
          )}
          <code>{isPresent(peer) ? shortDigest(peer.digest) : 'gone'}</code>
        </dd>
        {peer.isObserver && (
          <>
            <dt>role</dt>
            <dd>observer: it only reads</dd>
          </>
        )}
        {peer.alive !== undefined && isPresent(peer) && (
          <>
            <dt>sees</dt>
            <dd>{plural(peer.alive, 'member')} alive</dd>
          </>
        )}
        {peer.side !== undefined && (
          <>
            <dt>side</dt>
            <dd>
              {peer.side + 1} of {snapshot?.sides.length}
            </dd>
          </>
        )}
        <dt>seen from {snapshot === undefined ? '' : <Text of={snapshot.self} max={24} />}</dt>
        <dd>
          {peer.seen ?? 'not at all'}
          {peer.since !== undefined && ` since ${clock(Date.parse(peer.since)).slice(0, 8)}`}
          {peer.rttMs !== undefined && `, ${peer.rttMs.toFixed(1)} ms away`}
        </dd>
        <dt>peer id</dt>
        <dd>
          <code class="long">{peer.peerId}</code>
        </dd>
      </dl>
      <Evidence peer={peer} />
    </>
  )
}

export function StateWord({ state }: { readonly state: Peer['state'] }): VNode {
  return <span class={`word is-${state}`}>{state}</span>
}

/** What a demo can do to one of its nodes. */
function Faults({ peer }: { readonly peer: Peer }): VNode {
  const { actions } = usePage()
  const [isBusy, setBusy] = useState(false)
  const run = (action: 'kill' | 'restart' | 'pause' | 'resume'): void => {
    if (isBusy) return
    setBusy(true)
    void actions.fault(action, peer.name).then(() => setBusy(false))
  }
  const isPaused = peer.state === 'paused'
  const isKilled = peer.state === 'killed'
  return (
    <div class="actions" role="group" aria-label="This node" aria-busy={isBusy}>
      {!isKilled && (
        <button type="button" onClick={() => run('kill')}>
          Kill
        </button>
      )}
      <button type="button" onClick={() => run('restart')}>
        Restart
      </button>
      {!isKilled && (
        <button type="button" onClick={() => run(isPaused ? 'resume' : 'pause')}>
          {isPaused ? 'Resume' : 'Pause'}
        </button>
      )}
    </div>
  )
}

/** Who said what of a member, as the page's node heard it. */
function Evidence({ peer }: { readonly peer: Peer }): VNode | null {
  const { client } = usePage()
  const [found, show] = useState<ExplainAnswer | undefined>(undefined)
  useEffect(() => {
    const ending = new AbortController()
    client.explain(peer.peerId, { signal: ending.signal }).then(show, () => undefined)
    return () => ending.abort()
  }, [client, peer.peerId, peer.seen, peer.since])
  if (found === undefined || found.peerId !== peer.peerId) return null
  const moments = found.history.slice(-MOMENTS_MAX).reverse()
  return (
    <>
      <h3>Evidence</h3>
      <ol class="evidence">
        {moments.map((moment) => (
          <li key={`${moment.at} ${moment.state}`}>
            <time>{clock(Date.parse(moment.at))}</time> {moment.state} <Text of={moment.evidence} />
          </li>
        ))}
      </ol>
    </>
  )
}
