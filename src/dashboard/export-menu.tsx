import type { VNode } from 'preact'
import { useRef } from 'preact/hooks'
import { download, drawingAsSvg, shownAsJson, timelineAsCsv, timelineAsLines } from './export.ts'
import { usePage } from './page.ts'

/** What is shown, to take along. */
export function ExportMenu(): VNode {
  const { store } = usePage()
  const menu = useRef<HTMLDetailsElement>(null)
  const close = (): void => {
    if (menu.current?.open !== true) return
    menu.current.open = false
    menu.current.querySelector('summary')?.focus()
  }
  const give = (ending: string, type: string, text: () => string) => (): void => {
    const stamp = new Date().toISOString().slice(0, 19).replaceAll(':', '-')
    download(`hearsay-${stamp}${ending}`, type, text())
    close()
  }
  const drawing = (): string => {
    const svg = document.querySelector('#graph svg')
    return svg instanceof SVGSVGElement ? drawingAsSvg(svg) : ''
  }
  const entries = (): State['entries'] => store.state.entries
  type State = typeof store.state
  return (
    <details
      ref={menu}
      class="menu"
      id="export"
      onKeyDown={(event) => event.key === 'Escape' && close()}
    >
      <summary>Export</summary>
      <div class="menu-items">
        <button
          type="button"
          onClick={give('.json', 'application/json', () => shownAsJson(store.state))}
        >
          What is shown, JSON
        </button>
        <button type="button" onClick={give('.svg', 'image/svg+xml', drawing)}>
          The graph, SVG
        </button>
        <button type="button" onClick={give('.csv', 'text/csv', () => timelineAsCsv(entries()))}>
          The timeline, CSV
        </button>
        <button
          type="button"
          onClick={give('.ndjson', 'application/x-ndjson', () => timelineAsLines(entries()))}
        >
          The timeline, NDJSON
        </button>
      </div>
    </details>
  )
}
