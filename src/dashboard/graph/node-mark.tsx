import type { TargetedKeyboardEvent, VNode } from 'preact'
import { isPresent, type Peer } from '../snapshot.ts'
import { shortDigest, shown } from '../text.ts'
import { Layout } from './layout.ts'

/** Above so many nodes their names would cover each other. */
const NAMED_MAX = 70
const DIGESTS_MAX = 20

/** One node: its state is told by colour, shape and word. */
export function NodeMark(props: {
  readonly peer: Peer
  readonly slot: number | undefined
  /** Of all nodes: more are drawn smaller. */
  readonly count: number
  readonly isSelf: boolean
  readonly isSelected: boolean
  readonly isFocusable: boolean
  readonly onChoose: () => void
}): VNode {
  const { peer, slot, count, isSelf, isSelected, isFocusable, onChoose } = props
  const radius = Layout.radius(count)
  const name = shown(peer.name, 14)
  const isInside = radius >= 14 && name.length <= 3
  const onKeyDown = (event: TargetedKeyboardEvent<SVGGElement>): void => {
    if (event.key !== 'Enter' && event.key !== ' ') return
    event.preventDefault()
    onChoose()
  }
  const colour = slot === undefined || !isPresent(peer) ? 'no-state' : `state-${slot}`
  return (
    <g
      data-peer={peer.peerId}
      class={`node ${colour} is-${peer.state}`}
      role="button"
      tabindex={isFocusable ? 0 : -1}
      aria-pressed={isSelected}
      aria-label={labelOf(peer, isSelf)}
      onClick={onChoose}
      onKeyDown={onKeyDown}
    >
      <title>{labelOf(peer, isSelf)}</title>
      <Shape class="ring" peer={peer} radius={radius + 5} />
      <Shape class="disc" peer={peer} radius={radius} />
      <StateMark peer={peer} radius={radius} />
      {count <= NAMED_MAX && (
        <text
          class={isInside ? `name inside${radius < 20 ? ' is-small' : ''}` : 'name'}
          y={isInside ? 0 : radius + 15}
        >
          {name}
        </text>
      )}
      {count <= DIGESTS_MAX && isPresent(peer) && (
        <text class="digest" y={radius + (isInside ? 15 : 28)}>
          {peer.state === 'alive' ? shortDigest(peer.digest).slice(0, 4) : peer.state}
          {peer.isObserver && ' observer'}
        </text>
      )}
      {count <= DIGESTS_MAX && !isPresent(peer) && (
        <text class="digest" y={radius + (isInside ? 15 : 28)}>
          {peer.state}
        </text>
      )}
    </g>
  )
}

function labelOf(peer: Peer, isSelf: boolean): string {
  const side = peer.side === undefined ? '' : `, side ${peer.side + 1}`
  const own = isSelf ? ', serves this page' : ''
  const state = isPresent(peer) ? `, state ${shortDigest(peer.digest)}` : ''
  const role = peer.isObserver ? ', observer' : ''
  return `${shown(peer.name, 40)}: ${peer.state}${role}${state}${side}${own}`
}

/** A square for who only reads, a circle for everybody else. */
function Shape(props: {
  readonly class: string
  readonly peer: Peer
  readonly radius: number
}): VNode {
  const { class: name, peer, radius } = props
  if (!peer.isObserver) return <circle class={name} r={radius} />
  // As large as the circle, to the eye.
  const half = radius * 0.88
  return <rect class={name} x={-half} y={-half} width={2 * half} height={2 * half} rx={3} />
}

/** What a node's condition looks like without colour. */
function StateMark({
  peer,
  radius,
}: {
  readonly peer: Peer
  readonly radius: number
}): VNode | null {
  const arm = radius * 0.62
  switch (peer.state) {
    case 'killed':
    case 'failed':
      return (
        <path class="mark" d={`M${-arm} ${-arm}L${arm} ${arm}M${arm} ${-arm}L${-arm} ${arm}`} />
      )
    case 'paused':
      return (
        <path class="mark is-bars" d={`M${-arm / 2} ${-arm}V${arm}M${arm / 2} ${-arm}V${arm}`} />
      )
    case 'left':
      return <path class="mark" d={`M${-arm} 0H${arm}`} />
    case 'alive':
    case 'suspect':
    case 'degraded':
      return null
  }
}
