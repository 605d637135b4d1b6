import type { VNode } from 'preact'
import { useRef } from 'preact/hooks'
import {
  download,
  drawingAsPng,
  drawingAsSvg,
  shownAsJson,
  timelineAsCsv,
  timelineAsLines,
} from './export.ts'
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
  const give = (ending: string, content: Blob): void => {
    const stamp = new Date().toISOString().slice(0, 19).replaceAll(':', '-')
    download(`hearsay-${stamp}${ending}`, content)
    close()
  }
  const giveText = (ending: string, type: string, text: () => string) => (): void => {
    give(ending, new Blob([text()], { type }))
  }
  const drawing = (): SVGSVGElement | undefined => {
    const svg = document.querySelector('#graph svg')
    return svg instanceof SVGSVGElement ? svg : undefined
  }
  const givePicture = (): void => {
    const svg = drawing()
    if (svg === undefined) return
    drawingAsPng(svg).then(
      (picture) => give('.png', picture),
      (error: unknown) => store.set({ notice: { text: String(error), isError: true } }),
    )
  }
  const svgText = (): string => {
    const svg = drawing()
    return svg === undefined ? '' : drawingAsSvg(svg)
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
          onClick={giveText('.json', 'application/json', () => shownAsJson(store.state))}
        >
          What is shown, JSON
        </button>
        <button type="button" onClick={giveText('.svg', 'image/svg+xml', svgText)}>
          The graph, SVG
        </button>
        <button type="button" onClick={givePicture}>
          The graph, PNG
        </button>
        <button
          type="button"
          onClick={giveText('.csv', 'text/csv', () => timelineAsCsv(entries()))}
        >
          The timeline, CSV
        </button>
        <button
          type="button"
          onClick={giveText('.ndjson', 'application/x-ndjson', () => timelineAsLines(entries()))}
        >
          The timeline, NDJSON
        </button>
      </div>
    </details>
  )
}
