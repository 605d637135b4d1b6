import type { SVGAttributes, TargetedKeyboardEvent, VNode } from 'preact'
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { isStill, pointed, usePage, usePageState } from '../page.ts'
import { linksOf, type Peer } from '../snapshot.ts'
import {
  type Direction,
  isStroke,
  neighbourAt,
  type Point,
  type Stroke,
  sidesAfter,
} from './cut.ts'
import { Legend } from './legend.tsx'
import { NodeMark } from './node-mark.tsx'
import { Scene } from './scene.ts'

const KEYS: Readonly<Record<string, Direction>> = {
  ArrowUp: 'up',
  ArrowDown: 'down',
  ArrowLeft: 'left',
  ArrowRight: 'right',
}

/** All nodes, coloured by state, with their links. A line drawn through it cuts the network of a demo. */
export function Graph(): VNode {
  const { store, actions } = usePage()
  const state = usePageState()
  const svg = useRef<SVGSVGElement>(null)
  const [scene, setScene] = useState<Scene | undefined>(undefined)
  const [stroke, setStroke] = useState<Stroke | undefined>(undefined)
  const snapshot = state.snapshot
  const peers = snapshot?.peers ?? []
  const links = linksOf(peers)
  const sideOf = new Map(peers.map((peer) => [peer.peerId, peer.side]))

  useEffect(() => {
    if (svg.current === null) return
    const made = new Scene(svg.current, isStill())
    setScene(made)
    return () => made.stop()
  }, [])
  useLayoutEffect(() => scene?.update(peers, links))
  useEffect(() => scene?.show(snapshot?.peers ?? []), [scene, snapshot])

  const strokes = snapshot?.isLab === true ? strokeHandlers({ svg, stroke, setStroke, finish }) : {}
  function finish(done: Stroke): void {
    const places = new Map<string, Point>()
    for (const { peerId, name, isOurs } of peers) {
      const place = scene?.places.get(peerId)
      if (isOurs && place !== undefined) places.set(name, place)
    }
    const sides = sidesAfter(done, places, snapshot?.sides ?? [])
    if (sides !== undefined) void actions.partition(sides)
    else
      store.set({
        notice: { text: 'That line parts nobody: draw it between nodes', isError: true },
      })
  }
  const focusable = peers.find((peer) => peer.peerId === state.selected) ?? peers[0]
  const onKeyDown = (event: TargetedKeyboardEvent<SVGSVGElement>): void => {
    const direction = KEYS[event.key]
    const from = peerIdAt(event.target)
    if (direction === undefined || from === undefined || scene === undefined) return
    event.preventDefault()
    const next = neighbourAt(scene.places, from, direction)
    if (next !== undefined) scene.focus(next)
  }
  return (
    <section id="graph" class={`graph${pointed(state, 'graph')}`} aria-labelledby="graph-title">
      <h2 id="graph-title" class="over">
        Members <Hint isLab={snapshot?.isLab === true} />
      </h2>
      <svg ref={svg} role="group" aria-label={graphLabel(peers)} onKeyDown={onKeyDown} {...strokes}>
        <g class="links">
          {links.map(([a, b]) => {
            const isCut = sideOf.get(a) !== sideOf.get(b)
            return (
              <line key={`${a} ${b}`} data-from={a} data-to={b} class={isCut ? 'is-cut' : ''} />
            )
          })}
        </g>
        <g data-pulses="" />
        {peers.map((peer) => (
          <NodeMark
            key={peer.peerId}
            peer={peer}
            slot={state.colours.get(peer.digest)}
            count={peers.length}
            isSelf={peer.name === snapshot?.self}
            isSelected={peer.peerId === state.selected}
            isFocusable={peer === focusable}
            onChoose={() => store.set({ selected: peer.peerId })}
          />
        ))}
        {stroke !== undefined && (
          <line
            class="stroke"
            x1={stroke.from.x}
            y1={stroke.from.y}
            x2={stroke.to.x}
            y2={stroke.to.y}
          />
        )}
      </svg>
      <Legend />
    </section>
  )
}

function Hint({ isLab }: { readonly isLab: boolean }): VNode {
  return (
    <small>
      same colour, same state
      {isLab && ': click a node, or draw a line between nodes to cut the network'}
    </small>
  )
}

function graphLabel(peers: readonly Peer[]): string {
  return `Graph of ${peers.length} nodes; arrow keys move between them, Enter chooses one`
}

function peerIdAt(target: EventTarget | null): string | undefined {
  if (!(target instanceof Element)) return undefined
  return target.closest('[data-peer]')?.getAttribute('data-peer') ?? undefined
}

type StrokeHandlers = Pick<
  SVGAttributes<SVGSVGElement>,
  'onPointerDown' | 'onPointerMove' | 'onPointerUp' | 'onPointerCancel'
>

/** A line drawn on the ground, not on a node, with a mouse, a pen or a finger. */
function strokeHandlers(parts: {
  readonly svg: { readonly current: SVGSVGElement | null }
  readonly stroke: Stroke | undefined
  readonly setStroke: (stroke: Stroke | undefined) => void
  readonly finish: (stroke: Stroke) => void
}): StrokeHandlers {
  const { svg, stroke, setStroke, finish } = parts
  const pointOf = (event: PointerEvent): Point => {
    const box = svg.current?.getBoundingClientRect()
    return { x: event.clientX - (box?.left ?? 0), y: event.clientY - (box?.top ?? 0) }
  }
  return {
    onPointerDown: (event) => {
      if (event.button !== 0 || peerIdAt(event.target) !== undefined) return
      svg.current?.setPointerCapture(event.pointerId)
      const from = pointOf(event)
      setStroke({ from, to: from })
    },
    onPointerMove: (event) => {
      if (stroke !== undefined) setStroke({ from: stroke.from, to: pointOf(event) })
    },
    onPointerUp: (event) => {
      if (stroke === undefined) return
      setStroke(undefined)
      const done = { from: stroke.from, to: pointOf(event) }
      if (isStroke(done)) finish(done)
    },
    onPointerCancel: () => setStroke(undefined),
  }
}
