import type { TargetedInputEvent, VNode } from 'preact'
import { useMemo, useState } from 'preact/hooks'
import { named } from '../actions.ts'
import { pointed, usePage, usePageState } from '../page.ts'
import type { Peer, Snapshot } from '../snapshot.ts'
import type { Lookup } from '../store.ts'
import { plural, shown } from '../text.ts'
import { Text } from '../theirs.tsx'
import { keyPlace, memberPlace, type Place, replicaSet, turnOf } from './place.ts'

const CENTER = 110
const RADIUS = 82
const LABEL_RADIUS = 98
/** Above so many members only the replicas carry their names. */
const NAMED_MAX = 16

/** The key space as a ring: a key, the members that hold it, and who was asked for it. */
export function RingView(): VNode {
  const { store } = usePage()
  const state = usePageState()
  const { snapshot, status, lookup } = state
  const [typed, type] = useState<string | undefined>(undefined)
  const key = typed ?? lookup?.key ?? 'greeting'
  const places = usePlaces(snapshot)
  const target = useMemo(() => keyPlace(key), [key])
  const replicas = replicaSet(places, target, status?.dht.replication ?? 0)
  const peers = (snapshot?.peers ?? []).filter((peer) => places.has(peer.peerId))
  const names = replicas.map((id) => peers.find((peer) => peer.peerId === id)?.name ?? id)
  const shownLookup = lookup?.key === key ? lookup : undefined
  const onInput = (event: TargetedInputEvent<HTMLInputElement>): void => {
    type(event.currentTarget.value)
    if (lookup !== undefined) store.set({ lookup: undefined })
  }
  return (
    <section id="ring" class={pointed(state, 'ring')} aria-labelledby="ring-title">
      <h2 id="ring-title">
        DHT <small>who holds a key, as this node sees the members</small>
      </h2>
      <label>
        Key <input value={key} maxLength={1_024} spellcheck={false} onInput={onInput} />
      </label>
      <Ring {...{ peers, places, target, replicas, lookup: shownLookup }} />
      <p>
        Its replicas: <strong>{named(names)}</strong>
        {shownLookup !== undefined && <LookupText lookup={shownLookup} />}
      </p>
      <p class="quiet">
        {plural(status?.dht.records ?? 0, 'record')} on this node, {status?.dht.replication ?? 0}{' '}
        replicas wanted
      </p>
    </section>
  )
}

function LookupText({ lookup }: { readonly lookup: Lookup }): VNode {
  const { act, through, answered } = lookup
  return (
    <>
      . <Text of={through} max={24} />{' '}
      {act === 'put' ? 'stored it, acknowledged by' : 'asked for it, answered by'} {named(answered)}
    </>
  )
}

/** Places of the members that this node believes to be there. */
function usePlaces(snapshot: Snapshot | undefined): ReadonlyMap<string, Place> {
  const ids = (snapshot?.peers ?? [])
    .filter(({ seen }) => seen === 'alive' || seen === 'suspect' || seen === 'degraded')
    .map((peer) => peer.peerId)
  return useMemo(() => {
    const places = new Map<string, Place>()
    for (const id of ids) {
      const place = memberPlace(id)
      if (place !== undefined) places.set(id, place)
    }
    return places
  }, [ids.join(' ')])
}

function Ring(props: {
  readonly peers: readonly Peer[]
  readonly places: ReadonlyMap<string, Place>
  readonly target: Place
  readonly replicas: readonly string[]
  readonly lookup: Lookup | undefined
}): VNode {
  const { peers, places, target, replicas, lookup } = props
  const atName = (name: string): readonly [number, number] | undefined => {
    const peer = peers.find((one) => one.name === name)
    const place = peer === undefined ? undefined : places.get(peer.peerId)
    return place === undefined ? undefined : pointAt(place, RADIUS)
  }
  const from = lookup === undefined ? undefined : atName(lookup.through)
  const [x, y] = pointAt(target, RADIUS)
  return (
    <svg
      class="ring"
      viewBox={`0 0 ${2 * CENTER} ${2 * CENTER}`}
      role="img"
      aria-label={`${peers.length} members on the ring; ${replicas.length} hold the key`}
    >
      <circle class="track" cx={CENTER} cy={CENTER} r={RADIUS} />
      {from !== undefined &&
        lookup?.answered.map((name) => {
          const to = atName(name)
          if (to === undefined || name === lookup.through) return null
          return (
            <path
              key={name}
              class="path"
              d={`M${from[0]} ${from[1]}Q${CENTER} ${CENTER} ${to[0]} ${to[1]}`}
            />
          )
        })}
      {peers.map(({ peerId, name }) => {
        const place = places.get(peerId)
        if (place === undefined) return null
        const [cx, cy] = pointAt(place, RADIUS)
        const [labelX, labelY] = pointAt(place, LABEL_RADIUS)
        const isReplica = replicas.includes(peerId)
        return (
          <g key={peerId} class={isReplica ? 'member is-replica' : 'member'}>
            <circle cx={cx} cy={cy} r={isReplica ? 7 : 4} />
            {(isReplica || peers.length <= NAMED_MAX) && (
              <text x={labelX} y={labelY}>
                {shown(name, 6)}
              </text>
            )}
          </g>
        )
      })}
      <path class="key" d={`M${x} ${y - 8}l7 8l-7 8l-7-8z`} />
    </svg>
  )
}

function pointAt(place: Place, radius: number): readonly [number, number] {
  const angle = turnOf(place) * 2 * Math.PI - Math.PI / 2
  return [CENTER + radius * Math.cos(angle), CENTER + radius * Math.sin(angle)]
}
