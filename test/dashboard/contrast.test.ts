import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { SLOTS } from '../../src/dashboard/palette.ts'

const css = await readFile(new URL('../../src/dashboard/page.css', import.meta.url), 'utf8')
/** WCAG 2.2, AA: §1.4.3 for text, §1.4.11 for what is drawn. */
const TEXT = 4.5
const DRAWN = 3

function tokens(block: string): ReadonlyMap<string, string> {
  return new Map(
    [...block.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map(([, name = '', hex = '']) => [
      name,
      hex,
    ]),
  )
}

function luminance(hex: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const share = Number.parseInt(hex.slice(at, at + 2), 16) / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

function contrast(a: string, b: string): number {
  const [dark = 0, light = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y)
  return (light + 0.05) / (dark + 0.05)
}

const [light = '', dark = ''] = [...css.matchAll(/:root \{([^}]*)\}/g)].map(
  ([, block]) => block ?? '',
)

describe.each([
  ['light', tokens(light)],
  ['dark', tokens(dark)],
])('the %s colours', (_, colours) => {
  const between = (a: string, b: string): number =>
    contrast(colours.get(a) ?? '', colours.get(b) ?? '')

  test.each(['ink', 'quiet', 'accent', 'good', 'bad', 'warn'])('%s is readable', (name) => {
    for (const ground of ['card', 'ground'])
      expect(between(name, ground)).toBeGreaterThanOrEqual(TEXT)
  })

  test('text on warnings and buttons is readable', () => {
    expect(between('warn', 'warn-ground')).toBeGreaterThanOrEqual(TEXT)
    expect(between('ink', 'warn-ground')).toBeGreaterThanOrEqual(TEXT)
    expect(between('on-accent', 'accent')).toBeGreaterThanOrEqual(TEXT)
  })

  test('every state can be seen, and the name on it read', () => {
    for (let slot = 0; slot < SLOTS; slot++) {
      expect([slot, between(`state-${slot}`, 'card') >= DRAWN]).toEqual([slot, true])
      expect([slot, between(`state-${slot}`, 'on-state') >= TEXT]).toEqual([slot, true])
    }
  })
})
