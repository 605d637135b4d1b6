import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import { StateWord } from './details.tsx'
import { pointed, usePage, usePageState } from './page.ts'
import { isPresent } from './snapshot.ts'
import { shortDigest } from './text.ts'
import { Text } from './theirs.tsx'

/** Rows drawn; a search finds the others. */
const ROWS_MAX = 50

/** All members as a table: what the graph shows, in words. */
export function Members(): VNode {
  const { store } = usePage()
  const state = usePageState()
  const { snapshot, colours } = state
  const [search, setSearch] = useState('')
  const all = snapshot?.peers ?? []
  const found = all.filter((peer) =>
    [peer.name, peer.state, peer.isObserver ? 'observer' : ''].some((of) => of.includes(search)),
  )
  return (
    <section id="members" class={pointed(state, 'members')} aria-labelledby="members-title">
      <h2 id="members-title">List of members</h2>
      {all.length > 12 && (
        <label class="search">
          Name, state or role{' '}
          <input
            type="search"
            value={search}
            onInput={(event) => setSearch(event.currentTarget.value)}
          />
        </label>
      )}
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">name</th>
              <th scope="col">is</th>
              <th scope="col">
                seen from <Text of={snapshot?.self ?? ''} max={16} />
              </th>
              <th scope="col">state</th>
              <th scope="col" class="number">
                round trip
              </th>
            </tr>
          </thead>
          <tbody>
            {found.slice(0, ROWS_MAX).map((peer) => (
              <tr key={peer.peerId} aria-selected={peer.peerId === state.selected}>
                <th scope="row">
                  <button
                    type="button"
                    class="plain link"
                    onClick={() => store.set({ selected: peer.peerId })}
                  >
                    <Text of={peer.name} max={32} />
                  </button>
                </th>
                <td>
                  <StateWord state={peer.state} />
                  {peer.isObserver && ', observer'}
                </td>
                <td>{peer.seen ?? ''}</td>
                <td>
                  {isPresent(peer) && peer.digest !== '' && (
                    <>
                      <span
                        class={`swatch state-${colours.get(peer.digest) ?? 0}`}
                        aria-hidden="true"
                      />
                      <code>{shortDigest(peer.digest)}</code>
                    </>
                  )}
                </td>
                <td class="number">
                  {peer.rttMs === undefined ? '' : `${peer.rttMs.toFixed(1)} ms`}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {found.length > ROWS_MAX && (
        <p class="quiet">{found.length - ROWS_MAX} more: narrow the search.</p>
      )}
    </section>
  )
}
