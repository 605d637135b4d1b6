import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import { pointed, usePageState } from './page.ts'
import { clock, plural } from './text.ts'
import { Text } from './theirs.tsx'
import { type Entry, KINDS, type Kind } from './timeline.ts'

/** Entries drawn; all that are kept can be exported. */
const SHOWN_MAX = 120

/** What happened, the latest first: from the node's event stream, and what was done from here. */
export function TimelineView(): VNode {
  const state = usePageState()
  const { entries } = state
  const [frozen, freeze] = useState<readonly Entry[] | undefined>(undefined)
  const [kind, choose] = useState<Kind | 'all'>('all')
  const all = frozen ?? entries
  const found = kind === 'all' ? all : all.filter((entry) => entry.kind === kind)
  const missed =
    frozen === undefined ? 0 : (entries.at(-1)?.number ?? 0) - (frozen.at(-1)?.number ?? 0)
  return (
    <section id="timeline" class={pointed(state, 'timeline')} aria-labelledby="timeline-title">
      <div class="heading">
        <h2 id="timeline-title">Timeline</h2>
        <select
          aria-label="Show"
          value={kind}
          onChange={(event) => {
            const value = event.currentTarget.value
            choose(KINDS.find((one) => one === value) ?? 'all')
          }}
        >
          <option value="all">everything</option>
          {KINDS.map((one) => (
            <option key={one} value={one}>
              {one}
            </option>
          ))}
        </select>
        <button
          type="button"
          aria-pressed={frozen !== undefined}
          onClick={() => freeze(frozen === undefined ? entries : undefined)}
        >
          {frozen === undefined ? 'Hold' : 'Go on'}
        </button>
        <span class="quiet">
          {missed > 0 && `${plural(missed, 'entry').replace('entrys', 'entries')} later`}
        </span>
      </div>
      {found.length === 0 && <p class="quiet">Nothing has happened yet.</p>}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys */}
      <ol class="timeline" tabIndex={0} aria-label="Entries, the latest first">
        {found
          .slice(-SHOWN_MAX)
          .reverse()
          .map(({ number, at, kind: of, who, text }) => (
            <li key={number} class={`is-${of}`}>
              <time>{clock(at)}</time>
              <span>
                <span class="kind">{of}</span>{' '}
                {who !== '' && (
                  <strong>
                    <Text of={who} max={40} />
                  </strong>
                )}{' '}
                <bdi>{text}</bdi>
              </span>
            </li>
          ))}
      </ol>
    </section>
  )
}
