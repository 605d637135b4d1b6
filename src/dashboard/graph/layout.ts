import {
  type ForceLink,
  type ForceX,
  type ForceY,
  forceCollide,
  forceLink,
  forceManyBody,
  forceSimulation,
  forceX,
  forceY,
  type Simulation,
  type SimulationLinkDatum,
  type SimulationNodeDatum,
} from 'd3-force'
import type { Peer } from '../snapshot.ts'
import type { Point } from './cut.ts'

interface Body extends SimulationNodeDatum {
  readonly id: string
  /** Where its side gathers. */
  anchor: Point
}

type Tie = SimulationLinkDatum<Body> & { source: Body | string; target: Body | string }

export interface LayoutInput {
  readonly peers: readonly Peer[]
  readonly links: readonly (readonly [string, string])[]
  readonly width: number
  readonly height: number
}

/** Steps at once where nothing may move before people's eyes. */
const STILL_STEPS = 240
/** Sides of a cut network gather so far from the middle, as a share of the room. */
const SIDE_DISTANCE = 0.26
const MARGIN = 8

/** Places nodes by forces, and tells each new set of places. */
export class Layout {
  readonly #simulation: Simulation<Body, Tie>
  readonly #x: ForceX<Body>
  readonly #y: ForceY<Body>
  readonly #ties: ForceLink<Body, Tie>
  readonly #onMove: (places: ReadonlyMap<string, Point>) => void
  readonly #isStill: boolean
  #bodies: Body[] = []
  #room = { width: 0, height: 0, radius: 0 }
  /** What the last forces were made for. */
  #shape = ''

  constructor(options: {
    readonly onMove: (places: ReadonlyMap<string, Point>) => void
    /** Places are found at once, without moving there. */
    readonly isStill: boolean
  }) {
    this.#onMove = options.onMove
    this.#isStill = options.isStill
    this.#ties = forceLink<Body, Tie>([]).id((body) => body.id)
    this.#x = forceX<Body>((body) => body.anchor.x)
    this.#y = forceY<Body>((body) => body.anchor.y)
    this.#simulation = forceSimulation<Body, Tie>([])
      .force('ties', this.#ties)
      .force('x', this.#x)
      .force('y', this.#y)
      .on('tick', () => this.#tell())
      .stop()
  }

  /** Radius of a node where so many share the room. */
  static radius(count: number): number {
    if (count <= 8) return 27
    if (count <= 20) return 21
    return count <= 70 ? 14 : 8
  }

  update(input: LayoutInput): void {
    const { peers, links, width, height } = input
    if (width === 0 || height === 0) return
    const shape = JSON.stringify([width, height, links, peers.map((p) => [p.peerId, p.side])])
    if (shape === this.#shape) return
    this.#shape = shape
    const radius = Layout.radius(peers.length)
    this.#room = { width, height, radius }
    this.#place(peers)
    const crowd = Math.sqrt((width * height) / Math.max(1, peers.length))
    const cutOff = new Map(peers.map((peer) => [peer.peerId, peer.side]))
    const ties = links
      .filter(([a, b]) => cutOff.get(a) === cutOff.get(b))
      .map(([source, target]): Tie => ({ source, target }))
    this.#simulation.nodes(this.#bodies)
    this.#ties
      .links(ties)
      .distance(crowd * (peers.length <= 8 ? 0.85 : 0.6))
      .strength(ties.length > peers.length * 2 ? 0.05 : 0.2)
    const repulsion = forceManyBody<Body>()
      .strength(-crowd * (peers.length <= 8 ? 5 : 1.8))
      .distanceMax(crowd * 4)
    this.#simulation.force('charge', repulsion)
    this.#simulation.force('collide', forceCollide<Body>(radius * 1.55))
    const pull = peers.some((peer) => peer.side !== undefined) ? 0.16 : 0.07
    this.#x.x((body) => body.anchor.x).strength(pull * Math.min(1.6, height / width))
    this.#y.y((body) => body.anchor.y).strength(pull * Math.min(1.6, width / height))
    this.#go()
  }

  stop(): void {
    this.#simulation.stop()
  }

  #go(): void {
    if (!this.#isStill) {
      this.#simulation.alpha(0.7).restart()
      return
    }
    this.#simulation.alpha(1).stop()
    this.#simulation.tick(STILL_STEPS)
    this.#tell()
  }

  /** Keeps who was there where it was; new ones begin on a circle. */
  #place(peers: readonly Peer[]): void {
    const { width, height } = this.#room
    const before = new Map(this.#bodies.map((body) => [body.id, body]))
    this.#bodies = peers.map((peer, index): Body => {
      const angle = (2 * Math.PI * index) / peers.length - Math.PI / 2
      const x = width / 2 + Math.cos(angle) * width * 0.3
      const y = height / 2 + Math.sin(angle) * height * 0.3
      const anchor = { x: width / 2, y: height / 2 }
      return { ...(before.get(peer.peerId) ?? { id: peer.peerId, x, y }), anchor }
    })
    const sides = Map.groupBy(this.#bodies, (_, index) => peers[index]?.side)
    sides.delete(undefined)
    if (sides.size < 2) return
    let index = 0
    for (const bodies of sides.values()) {
      const anchor = this.#anchor(bodies, index++ / sides.size)
      for (const body of bodies) body.anchor = anchor
    }
  }

  /** A side gathers on the half of the room where it is. @param turn where, as a share of a circle, if in the middle */
  #anchor(bodies: readonly Body[], turn: number): Point {
    const { width, height } = this.#room
    const mean = (values: readonly number[]): number =>
      values.reduce((sum, value) => sum + value, 0) / values.length
    let x = (mean(bodies.map((body) => body.x ?? 0)) - width / 2) / width
    let y = (mean(bodies.map((body) => body.y ?? 0)) - height / 2) / height
    if (Math.hypot(x, y) < 0.02) {
      x = Math.cos(turn * 2 * Math.PI + Math.PI)
      y = Math.sin(turn * 2 * Math.PI + Math.PI)
    }
    const length = Math.hypot(x, y)
    return {
      x: width * (0.5 + (SIDE_DISTANCE * x) / length),
      y: height * (0.5 + (SIDE_DISTANCE * y) / length),
    }
  }

  /** Nobody leaves the room; labels need some of it below. */
  #tell(): void {
    const { width, height, radius } = this.#room
    const places = new Map<string, Point>()
    for (const body of this.#bodies) {
      body.x = clamp(body.x ?? 0, radius + MARGIN, width - radius - MARGIN)
      body.y = clamp(body.y ?? 0, radius + MARGIN, height - radius - MARGIN - 18)
      places.set(body.id, { x: body.x, y: body.y })
    }
    this.#onMove(places)
  }
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), Math.max(low, high))
}
