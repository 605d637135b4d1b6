import type { VNode } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import type { Client } from '../http/client.ts'
import { named } from './actions.ts'
import { pointed, usePage, usePageState } from './page.ts'
import { type Held, OBJECTS_MAX, readValues } from './read-values.ts'
import { isPresent, type Peer, type Snapshot, stateShares } from './snapshot.ts'
import { plural, shortDigest } from './text.ts'
import { Text } from './theirs.tsx'

/** Columns shown side by side. */
const COLUMNS_MAX = 8
/** Values are read again at most so often. */
const PERIOD_MS = 400
/** Groups other than main have no digest of their own here: they are read every so often. */
const OTHER_GROUPS_MS = 2_000

/** Nodes that hold the same, and the one that is asked for all of them. */
interface Column {
  /** Changes when what they hold may have. */
  readonly key: string
  readonly peers: readonly Peer[]
  readonly slot: number | undefined
}

/** What the nodes hold, side by side; where they differ it says so. */
export function Values(): VNode {
  const state = usePageState()
  const { snapshot, status } = state
  const [group, setGroup] = useState('main')
  const [match, setMatch] = useState('')
  const columns = snapshot === undefined ? [] : columnsOf(snapshot, group, state.colours)
  const held = useHeld(columns, { group, match })
  const groups = status?.groups.map((one) => one.name) ?? ['main']
  const rows = new Map([...held.values()].flatMap(({ values }) => [...values]))
  const total = Math.max(0, ...[...held.values()].map((one) => one.total))
  return (
    <section id="values" class={`wide${pointed(state, 'values')}`} aria-labelledby="values-title">
      <h2 id="values-title">
        Values{' '}
        <small>
          {snapshot?.isLab === true ? 'side by side: equal states share a column' : 'of this node'}
        </small>
      </h2>
      <div class="fields">
        {groups.length > 1 && (
          <label>
            Group{' '}
            <select value={group} onChange={(event) => setGroup(event.currentTarget.value)}>
              {groups.map((name) => (
                <option key={name} value={name}>
                  {name}
                </option>
              ))}
            </select>
          </label>
        )}
        {(total > OBJECTS_MAX || match !== '') && (
          <label>
            Name contains{' '}
            <input
              type="search"
              value={match}
              onInput={(event) => setMatch(event.currentTarget.value)}
            />
          </label>
        )}
      </div>
      {rows.size === 0 ? (
        <p class="quiet">Nothing is written yet.</p>
      ) : (
        <Table columns={columns} held={held} rows={[...rows]} />
      )}
      {total > OBJECTS_MAX && (
        <p class="quiet">
          {OBJECTS_MAX} of {plural(total, 'object')}: narrow the search.
        </p>
      )}
    </section>
  )
}

function Table({
  columns,
  held,
  rows,
}: {
  readonly columns: readonly Column[]
  readonly held: ReadonlyMap<string, Held>
  readonly rows: readonly (readonly [string, { readonly name: string; readonly type: string }])[]
}): VNode {
  return (
    <div class="scroll">
      <table class="values">
        <thead>
          <tr>
            <th scope="col">object</th>
            {columns.map(({ key, peers, slot }) => (
              <th scope="col" key={key}>
                {slot !== undefined && <span class={`swatch state-${slot}`} aria-hidden="true" />}
                {named(peers.map((peer) => peer.name))}{' '}
                <code>{shortDigest(peers[0]?.digest ?? '')}</code>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(([id, { name, type }]) => {
            const texts = columns.map(({ key }) => held.get(key)?.values.get(id)?.text)
            const known = new Set(texts.filter((_, index) => held.has(columns[index]?.key ?? '')))
            return (
              <tr key={id} class={known.size > 1 ? 'differs' : ''}>
                <th scope="row">
                  <Text of={name} max={40} /> <small>{type}</small>{' '}
                  {known.size > 1 && <strong class="differ-mark">≠ differs</strong>}
                </th>
                {columns.map(({ key }, index) => (
                  <td key={key}>{texts[index] === undefined ? '–' : <bdi>{texts[index]}</bdi>}</td>
                ))}
              </tr>
            )
          })}
        </tbody>
      </table>
    </div>
  )
}

/** Nodes of equal digest hold equal values: one of them is asked. Of a node on its own only itself can be. */
function columnsOf(
  snapshot: Snapshot,
  group: string,
  colours: ReadonlyMap<string, number>,
): readonly Column[] {
  const { peers, self, isLab } = snapshot
  const readable = peers.filter((peer) =>
    isLab ? peer.isOurs && isPresent(peer) : peer.name === self,
  )
  if (group === 'main') {
    return stateShares(readable)
      .slice(0, COLUMNS_MAX)
      .map(({ digest, peers: holders }) => {
        return { key: digest, peers: holders, slot: colours.get(digest) }
      })
  }
  return readable.slice(0, COLUMNS_MAX).map((peer) => {
    return { key: peer.peerId, peers: [peer], slot: undefined }
  })
}

/** What each column holds, by its key; a column that has not been read yet shows what it held before. */
function useHeld(
  columns: readonly Column[],
  { group, match }: { readonly group: string; readonly match: string },
): ReadonlyMap<string, Held> {
  const { actions } = usePage()
  const [held, setHeld] = useState<ReadonlyMap<string, Held>>(new Map())
  const wanted = useRef(columns)
  wanted.current = columns
  useEffect(() => {
    const ending = new AbortController()
    const { signal } = ending
    const known = new Map<string, { readonly held: Held; readonly at: number }>()
    const turn = async (): Promise<void> => {
      let isChanged = false
      for (const { key, peers } of wanted.current) {
        const before = known.get(key)
        const age = performance.now() - (before?.at ?? Number.NEGATIVE_INFINITY)
        const [peer] = peers
        if (peer === undefined || age < (group === 'main' ? Infinity : OTHER_GROUPS_MS)) continue
        const client = actions.client(peer.name)
        // It may be killed meanwhile, or have gone on to another state: the next picture tells.
        const found = await readValues(client, { group, match, signal }).catch(() => undefined)
        if (found === undefined || !(await isStillAt(client, { group, key, peer }))) continue
        known.set(key, { held: found, at: performance.now() })
        isChanged = true
      }
      const keys = new Set(wanted.current.map((column) => column.key))
      for (const key of known.keys()) if (!keys.has(key)) isChanged = known.delete(key)
      if (signal.aborted || !isChanged) return
      setHeld(new Map([...known].map(([key, one]) => [key, one.held])))
    }
    let timer: ReturnType<typeof setTimeout> | undefined
    const loop = async (): Promise<void> => {
      if (!document.hidden) await turn()
      if (!signal.aborted) timer = setTimeout(() => void loop(), PERIOD_MS)
    }
    void loop()
    return () => {
      ending.abort()
      clearTimeout(timer)
    }
  }, [actions, group, match])
  return held
}

/** Whether what was read from a node of a demo is what its column stands for. */
async function isStillAt(
  client: Client,
  { group, key, peer }: { readonly group: string; readonly key: string; readonly peer: Peer },
): Promise<boolean> {
  if (group !== 'main' || !peer.isOurs) return true
  const status = await client.status().catch(() => undefined)
  return status?.groups.find((one) => one.name === group)?.digest === key
}
