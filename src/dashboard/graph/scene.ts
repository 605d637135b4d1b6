import type { FrameCounts } from '../../index.ts'
import type { Peer } from '../snapshot.ts'
import type { Point } from './cut.ts'
import { Layout } from './layout.ts'

const SVG = 'http://www.w3.org/2000/svg'
const PULSE_MS = 650
/** Dots under way; more would only be a fog. */
const PULSES_MAX = 32
const PINGS_MAX = 12

/** Moves what the graph has drawn: places change sixty times a second, which is nothing to draw anew for. */
export class Scene {
  readonly #svg: SVGSVGElement
  readonly #layout: Layout
  readonly #observer: ResizeObserver
  readonly #isStill: boolean
  #nodes = new Map<string, SVGElement>()
  #lines: { readonly line: SVGElement; readonly from: string; readonly to: string }[] = []
  #places: ReadonlyMap<string, Point> = new Map()
  #latest: { peers: readonly Peer[]; links: readonly (readonly [string, string])[] } | undefined
  #pulses = 0
  /** By sender and receiver. */
  #heard = new Map<string, FrameCounts>()

  constructor(svg: SVGSVGElement, isStill: boolean) {
    this.#svg = svg
    this.#isStill = isStill
    this.#layout = new Layout({ onMove: (places) => this.#move(places), isStill })
    this.#observer = new ResizeObserver(() => this.#relayout())
    this.#observer.observe(svg)
  }

  /** Where each node is, by peer id. */
  get places(): ReadonlyMap<string, Point> {
    return this.#places
  }

  stop(): void {
    this.#observer.disconnect()
    this.#layout.stop()
  }

  focus(peerId: string): void {
    this.#nodes.get(peerId)?.focus()
  }

  /** After each drawing: the elements may be others. */
  update(peers: readonly Peer[], links: readonly (readonly [string, string])[]): void {
    this.#latest = { peers, links }
    this.#nodes = new Map()
    for (const node of this.#svg.querySelectorAll<SVGElement>('[data-peer]')) {
      this.#nodes.set(node.getAttribute('data-peer') ?? '', node)
    }
    this.#lines = [...this.#svg.querySelectorAll<SVGElement>('[data-from]')].map((line) => {
      const from = line.getAttribute('data-from') ?? ''
      return { line, from, to: line.getAttribute('data-to') ?? '' }
    })
    this.#relayout()
    this.#move(this.#places)
  }

  #relayout(): void {
    if (this.#latest === undefined) return
    const { width, height } = this.#svg.getBoundingClientRect()
    this.#layout.update({ ...this.#latest, width, height })
  }

  #move(places: ReadonlyMap<string, Point>): void {
    this.#places = places
    for (const [peerId, node] of this.#nodes) {
      const place = places.get(peerId)
      if (place !== undefined) node.setAttribute('transform', `translate(${place.x} ${place.y})`)
    }
    for (const { line, from, to } of this.#lines) {
      const [start, end] = [places.get(from), places.get(to)]
      if (start === undefined || end === undefined) continue
      line.setAttribute('x1', String(start.x))
      line.setAttribute('y1', String(start.y))
      line.setAttribute('x2', String(end.x))
      line.setAttribute('y2', String(end.y))
    }
  }

  /** Shows which frames have come since the last picture: a dot along the link for each kind. */
  show(peers: readonly Peer[]): void {
    const before = this.#heard
    this.#heard = new Map()
    for (const { peerId, links, heard } of peers) {
      for (const [index, other] of links.entries()) {
        const counts = heard[index]
        if (counts !== undefined) this.#heard.set(`${other} ${peerId}`, counts)
      }
    }
    if (this.#isStill) return
    // Pings are always under way: what somebody has done comes first.
    for (const kind of ['sync', 'kv', 'member'] as const) {
      for (const [link, counts] of this.#heard) {
        const last = before.get(link)
        if (last === undefined || counts[kind] <= last[kind]) continue
        if (this.#pulses >= (kind === 'member' ? PINGS_MAX : PULSES_MAX)) break
        const [from, to] = link.split(' ').map((peerId) => this.#places.get(peerId))
        if (from !== undefined && to !== undefined) this.#fly(kind, { from, to })
      }
    }
  }

  #fly(kind: keyof FrameCounts, { from, to }: { readonly from: Point; readonly to: Point }): void {
    const dot = document.createElementNS(SVG, 'circle')
    dot.setAttribute('r', kind === 'member' ? '3' : '5')
    dot.setAttribute('class', `pulse is-${kind}`)
    this.#svg.querySelector('[data-pulses]')?.append(dot)
    this.#pulses++
    const end = (): void => {
      this.#pulses--
      dot.remove()
    }
    const steps = [from, to].map(({ x, y }) => ({ transform: `translate(${x}px, ${y}px)` }))
    const flight = dot.animate(steps, { duration: PULSE_MS, easing: 'ease-in-out' })
    flight.finished.then(end, end)
  }
}
