import type { RefObject, VNode } from 'preact'
import { useState } from 'preact/hooks'
import { usePage, usePageState } from './page.ts'
import { Text } from './theirs.tsx'

/** The same as a stroke through the graph, without a pointer: who stands on the other side. */
export function PartitionDialog({
  dialog,
}: {
  readonly dialog: RefObject<HTMLDialogElement | null>
}): VNode {
  const { actions } = usePage()
  const { snapshot } = usePageState()
  const names = (snapshot?.peers ?? []).filter((peer) => peer.isOurs).map((peer) => peer.name)
  const [chosen, choose] = useState<ReadonlySet<string> | undefined>(undefined)
  const second = chosen ?? new Set(names.slice(Math.floor(names.length / 2)))
  const isCut = second.size > 0 && second.size < names.length
  const toggle = (name: string): void => {
    const next = new Set(second)
    if (!next.delete(name)) next.add(name)
    choose(next)
  }
  const cut = (): void => {
    dialog.current?.close()
    const first = names.filter((name) => !second.has(name))
    void actions.partition([first, names.filter((name) => second.has(name))])
  }
  return (
    <dialog ref={dialog} aria-labelledby="partition-title">
      <h2 id="partition-title">Cut the network</h2>
      <p>Choose who stands on the other side. A line drawn through the graph does the same.</p>
      <fieldset>
        <legend>The other side</legend>
        <div class="checks">
          {names.map((name) => (
            <label key={name}>
              <input type="checkbox" checked={second.has(name)} onChange={() => toggle(name)} />{' '}
              <Text of={name} max={32} />
            </label>
          ))}
        </div>
      </fieldset>
      <div class="actions">
        <button type="button" class="primary" disabled={!isCut} onClick={cut}>
          Cut
        </button>
        <button type="button" onClick={() => dialog.current?.close()}>
          Cancel
        </button>
      </div>
    </dialog>
  )
}
