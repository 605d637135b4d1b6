import type { VNode } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import type { Span } from './agreement.ts'
import { pointed, usePage, usePageState } from './page.ts'
import { SLOTS } from './palette.ts'
import type { Snapshot } from './snapshot.ts'
import type { Entry } from './timeline.ts'

const REDRAW_MS = 500
/** Rows of at least so many pixels carry a name. */
const NAMED_ROW = 11
/** And of at least so many stand apart from each other. */
const GAP_ROW = 6
const NAMES_WIDTH = 64
const AXIS_HEIGHT = 18
const TICK_MS = 30_000

/** Who agreed with whom over the last minutes: one row a node, one colour a state. */
export function Strip(): VNode {
  const { store } = usePage()
  const state = usePageState()
  const canvas = useRef<HTMLCanvasElement>(null)
  const count = state.snapshot?.peers.length ?? 0
  useEffect(() => {
    const paint = (): void => {
      const { snapshot, entries } = store.state
      if (canvas.current === null || snapshot === undefined || document.hidden) return
      const now = Date.now()
      const { agreement } = store
      const windowMs = agreement.windowMs(now)
      draw(canvas.current, { snapshot, entries, spans: agreement.spans, now, windowMs })
    }
    paint()
    const timer = setInterval(paint, REDRAW_MS)
    return () => clearInterval(timer)
  }, [store])
  return (
    <section id="strip" class={`wide${pointed(state, 'strip')}`} aria-labelledby="strip-title">
      <h2 id="strip-title">
        Agreement <small>the last minutes: one row a node, same colour, same state</small>
      </h2>
      <canvas
        ref={canvas}
        class={count > 40 ? 'strip is-tall' : 'strip'}
        role="img"
        aria-label={`Now ${state.snapshot?.digests ?? 0} states among ${count} nodes. ${store.convergence.text(Date.now())}`}
      />
    </section>
  )
}

interface Drawn {
  readonly snapshot: Snapshot
  readonly entries: readonly Entry[]
  readonly spans: ReadonlyMap<string, readonly Span[]>
  readonly now: number
  readonly windowMs: number
}

function draw(canvas: HTMLCanvasElement, drawn: Drawn): void {
  const { width, height } = canvas.getBoundingClientRect()
  const scale = devicePixelRatio
  if (canvas.width !== Math.round(width * scale)) canvas.width = Math.round(width * scale)
  if (canvas.height !== Math.round(height * scale)) canvas.height = Math.round(height * scale)
  const brush = canvas.getContext('2d')
  if (brush === null) return
  brush.setTransform(scale, 0, 0, scale, 0, 0)
  brush.clearRect(0, 0, width, height)
  const style = getComputedStyle(canvas)
  const colours = Array.from({ length: SLOTS }, (_, slot) =>
    style.getPropertyValue(`--state-${slot}`),
  )
  const { peers } = drawn.snapshot
  const row = (height - AXIS_HEIGHT) / Math.max(1, peers.length)
  const isNamed = row >= NAMED_ROW
  const left = isNamed ? NAMES_WIDTH : 0
  const xOf = (at: number): number => {
    return left + Math.max(0, 1 - (drawn.now - at) / drawn.windowMs) * (width - left)
  }
  brush.font = `${Math.min(12, row)}px ${style.fontFamily}`
  brush.textBaseline = 'middle'
  for (const [index, peer] of peers.entries()) {
    const y = index * row
    brush.fillStyle = style.color
    if (isNamed) brush.fillText(peer.name.slice(0, 8), 0, y + row / 2)
    const spans = drawn.spans.get(peer.peerId) ?? []
    for (const [place, span] of spans.entries()) {
      if (span.slot === undefined) continue
      const from = xOf(span.at)
      brush.fillStyle = colours[span.slot] ?? style.color
      brush.fillRect(
        from,
        y,
        xOf(spans[place + 1]?.at ?? drawn.now) - from,
        row < GAP_ROW ? row + 0.5 : row - 1,
      )
    }
  }
  axis(brush, { ...drawn, xOf, top: height - AXIS_HEIGHT, style })
}

interface Axis extends Drawn {
  readonly xOf: (at: number) => number
  readonly top: number
  readonly style: CSSStyleDeclaration
}

/** Times, and what was done to the network when. */
function axis(
  brush: CanvasRenderingContext2D,
  { entries, now, windowMs, xOf, top, style }: Axis,
): void {
  brush.fillStyle = style.color
  brush.font = `11px ${style.fontFamily}`
  brush.textAlign = 'center'
  const tick = windowMs > 60_000 ? TICK_MS : TICK_MS / 3
  for (let ago = tick; ago < windowMs - tick / 4; ago += tick) {
    brush.fillText(`−${ago / 1_000} s`, xOf(now - ago), top + AXIS_HEIGHT / 2)
  }
  brush.textAlign = 'left'
  brush.strokeStyle = style.color
  brush.setLineDash([3, 3])
  for (const { kind, at } of entries) {
    if (kind !== 'lab' || at < now - windowMs) continue
    brush.beginPath()
    brush.moveTo(xOf(at), 0)
    brush.lineTo(xOf(at), top)
    brush.stroke()
  }
  brush.setLineDash([])
}
