import type { StreamedEvent } from '../../http/shapes.ts'
import type { Peer, Snapshot } from '../snapshot.ts'
import type { Point } from './cut.ts'
import { Layout } from './layout.ts'

const SVG = 'http://www.w3.org/2000/svg'
const PULSE_MS = 650
/** Pulses under way; more would only be a fog. */
const PULSES_MAX = 24

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

  /** Shows what comes to the page's node: a dot along the link that brought it, a ring for what is stored or told. */
  pulse(snapshot: () => Snapshot | undefined): (event: StreamedEvent) => void {
    return ({ event }) => {
      const now = snapshot()
      const self = now?.peers.find((peer) => peer.name === now.self)?.peerId
      const here = this.#places.get(self ?? '')
      if (this.#isStill || here === undefined || this.#pulses >= PULSES_MAX) return
      if (event.type === 'sync-completed') {
        const there = this.#places.get(event.peerId)
        if (there !== undefined) this.#fly({ from: there, to: here })
      } else if (event.type === 'record-stored') {
        this.#spread(here, 'is-record')
      } else if (event.type === 'broadcast') {
        this.#spread(this.#places.get(event.peerId) ?? here, 'is-broadcast')
      }
    }
  }

  #fly({ from, to }: { readonly from: Point; readonly to: Point }): void {
    const dot = this.#dot(5, 'is-sync')
    this.#run(dot, [
      { transform: `translate(${from.x}px, ${from.y}px)` },
      { transform: `translate(${to.x}px, ${to.y}px)` },
    ])
  }

  #spread(at: Point, kind: string): void {
    const ring = this.#dot(20, kind)
    const place = `translate(${at.x}px, ${at.y}px)`
    this.#run(ring, [
      { transform: `${place} scale(0.6)`, opacity: 1 },
      { transform: `${place} scale(2.6)`, opacity: 0 },
    ])
  }

  #dot(radius: number, kind: string): SVGElement {
    const dot = document.createElementNS(SVG, 'circle')
    dot.setAttribute('r', String(radius))
    dot.setAttribute('class', `pulse ${kind}`)
    this.#svg.querySelector('[data-pulses]')?.append(dot)
    return dot
  }

  #run(element: SVGElement, steps: Keyframe[]): void {
    this.#pulses++
    const end = (): void => {
      this.#pulses--
      element.remove()
    }
    const flight = element.animate(steps, { duration: PULSE_MS, easing: 'ease-in-out' })
    flight.finished.then(end, end)
  }
}
