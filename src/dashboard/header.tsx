import type { VNode } from 'preact'
import { useRef } from 'preact/hooks'
import { ExportMenu } from './export-menu.tsx'
import { pointed, usePage, usePageState } from './page.ts'
import { PartitionDialog } from './partition-dialog.tsx'
import { holders, isPresent } from './snapshot.ts'
import { plural } from './text.ts'
import { Text } from './theirs.tsx'

/** Name, the one number that counts, and what can be done to all nodes. */
export function Header({ onTour }: { readonly onTour: () => void }): VNode {
  const { store, actions } = usePage()
  const state = usePageState()
  const dialog = useRef<HTMLDialogElement>(null)
  const { snapshot, status } = state
  const peers = snapshot?.peers ?? []
  const hasFaults =
    (snapshot?.sides.length ?? 0) > 0 ||
    (snapshot?.loss ?? 0) > 0 ||
    (snapshot?.latencyMs ?? 0) > 0 ||
    peers.some((peer) => peer.state === 'paused')
  const { convergence } = store
  return (
    <header>
      <div class="brand">
        <h1>
          hearsay <Text of={snapshot?.self ?? ''} max={32} />
        </h1>
        <p>
          network <Text of={status?.network ?? '…'} max={32} />
          {snapshot?.isLab === true ? ', a demo of ' : ', '}
          {plural(peers.length, snapshot?.isLab === true ? 'node' : 'member')}
        </p>
      </div>
      <p
        id="convergence"
        class={`convergence${convergence.hasConverged ? '' : ' is-apart'}${pointed(state, 'convergence')}`}
        role="status"
      >
        <span aria-hidden="true">{convergence.hasConverged ? '=' : '≠'}</span>{' '}
        {holders(peers.filter(isPresent))}, {convergence.text(snapshot?.at ?? 0)}
      </p>
      <div class="actions" role="group" aria-label="The whole network">
        {snapshot?.isLab === true && (
          <>
            <button type="button" id="partition" onClick={() => dialog.current?.showModal()}>
              Partition…
            </button>
            <button
              type="button"
              id="heal"
              class={pointed(state, 'heal')}
              aria-disabled={!hasFaults}
              onClick={() => hasFaults && actions.heal()}
            >
              Heal
            </button>
            <button type="button" id="start-tour" class="primary" onClick={onTour}>
              Tour
            </button>
            <PartitionDialog dialog={dialog} />
          </>
        )}
        <ExportMenu />
      </div>
    </header>
  )
}
