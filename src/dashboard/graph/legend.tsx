import type { VNode } from 'preact'
import { named } from '../actions.ts'
import { usePageState } from '../page.ts'
import { SLOTS } from '../palette.ts'
import { holders, stateShares } from '../snapshot.ts'
import { plural, shortDigest } from '../text.ts'

/** States in words: the colours alone would tell nobody who cannot see them. */
export function Legend(): VNode {
  const { snapshot, colours } = usePageState()
  const shares = stateShares(snapshot?.peers ?? [])
  const more = shares.length - SLOTS
  return (
    <ul class="legend" aria-label="States and who holds them">
      {shares.slice(0, SLOTS).map(({ digest, peers }) => (
        <li key={digest}>
          <span class={`swatch state-${colours.get(digest) ?? 0}`} aria-hidden="true" />
          <code>{shortDigest(digest)}</code> {holders(peers)}
          <small> {named(peers.map((peer) => peer.name))}</small>
        </li>
      ))}
      {snapshot?.peers.some((peer) => peer.isObserver) === true && (
        <li>
          <small>
            <span class="squared" aria-hidden="true" />
            square: an observer, it only reads
          </small>
        </li>
      )}
      {more > 0 && <li>and {plural(more, 'more state')}</li>}
      <li>
        <small>
          moving dots are frames: <span class="kind is-sync">state</span>,{' '}
          <span class="kind is-kv">values</span>, <span class="kind is-member">pings</span>
        </small>
      </li>
    </ul>
  )
}
