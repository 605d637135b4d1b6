import { stateShares } from './snapshot.ts'
import type { State } from './store.ts'
import type { Entry } from './timeline.ts'

/** What style sheets say is not in a file of its own: these go into each element. */
const PAINT = ['fill', 'stroke', 'stroke-width', 'stroke-dasharray', 'opacity'] as const
const LETTERS = [
  'font-size',
  'font-family',
  'font-weight',
  'text-anchor',
  'dominant-baseline',
] as const

/** Everything the page shows, as data. */
export function shownAsJson(state: State): string {
  const { snapshot, status, lookup, entries } = state
  const states = stateShares(snapshot?.peers ?? []).map(({ digest, peers }) => {
    return { digest, nodes: peers.map((peer) => peer.name) }
  })
  return `${JSON.stringify({ snapshot, states, status, lookup, timeline: entries }, null, 2)}\n`
}

/** One JSON object a line, the oldest entry first. */
export function timelineAsLines(entries: readonly Entry[]): string {
  return entries.map((entry) => `${JSON.stringify(rowOf(entry))}\n`).join('')
}

export function timelineAsCsv(entries: readonly Entry[]): string {
  const rows = entries.map((entry) => Object.values(rowOf(entry)).map(cell).join(','))
  return ['at,kind,who,text', ...rows].map((row) => `${row}\r\n`).join('')
}

function rowOf({ at, kind, who, text }: Entry): Readonly<Record<string, string>> {
  return { at: new Date(at).toISOString(), kind, who, text }
}

/** A spreadsheet takes what begins like a formula for one; the apostrophe says that it is text. */
function cell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return `"${safe.replaceAll('"', '""')}"`
}

/** A drawing of the page as a file that needs no style sheet. */
export function drawingAsSvg(drawing: SVGSVGElement): string {
  const copy = drawing.cloneNode(true)
  if (!(copy instanceof SVGSVGElement)) return ''
  const { width, height } = drawing.getBoundingClientRect()
  copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg')
  copy.setAttribute('width', String(Math.round(width)))
  copy.setAttribute('height', String(Math.round(height)))
  copy.setAttribute('viewBox', `0 0 ${Math.round(width)} ${Math.round(height)}`)
  const drawn = drawing.querySelectorAll('*')
  for (const [index, element] of copy.querySelectorAll('*').entries()) {
    const original = drawn[index]
    if (original === undefined) continue
    const style = getComputedStyle(original)
    const names = element.tagName === 'text' ? [...PAINT, ...LETTERS] : PAINT
    for (const name of names) element.setAttribute(name, style.getPropertyValue(name))
    for (const name of ['class', 'tabindex', 'role', 'aria-pressed', 'data-peer']) {
      element.removeAttribute(name)
    }
  }
  copy.removeAttribute('class')
  const ground = document.createElementNS('http://www.w3.org/2000/svg', 'rect')
  ground.setAttribute('width', '100%')
  ground.setAttribute('height', '100%')
  ground.setAttribute('fill', getComputedStyle(document.body).backgroundColor)
  copy.prepend(ground)
  return `${new XMLSerializer().serializeToString(copy)}\n`
}

/** Pixels of a picture for each of the page's: it may be printed. */
const PIXELS = 2

/** A drawing of the page as a picture. @throws {Error} when the browser cannot make one */
export async function drawingAsPng(drawing: SVGSVGElement): Promise<Blob> {
  const { width, height } = drawing.getBoundingClientRect()
  const url = URL.createObjectURL(new Blob([drawingAsSvg(drawing)], { type: 'image/svg+xml' }))
  try {
    const image = new Image()
    image.src = url
    await image.decode()
    const canvas = document.createElement('canvas')
    canvas.width = Math.round(width * PIXELS)
    canvas.height = Math.round(height * PIXELS)
    canvas.getContext('2d')?.drawImage(image, 0, 0, canvas.width, canvas.height)
    const { promise, resolve } = Promise.withResolvers<Blob | null>()
    canvas.toBlob(resolve, 'image/png')
    const blob = await promise
    if (blob === null) throw new Error('Cannot make a picture: the browser has none')
    return blob
  } finally {
    URL.revokeObjectURL(url)
  }
}

/** Gives something to the user as a file. */
export function download(name: string, content: Blob): void {
  const url = URL.createObjectURL(content)
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  // The browser has begun to read it by then.
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}
