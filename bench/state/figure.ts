import type { Row } from './case.ts'

/** A figure in its unit, three digits. */
export function figure(value: number, unit: Row['unit']): string {
  switch (unit) {
    case 'a second':
      if (value >= 1e6) return `${(value / 1e6).toPrecision(3)} M/s`
      return value >= 1e3 ? `${(value / 1e3).toPrecision(3)} k/s` : `${value.toFixed(0)} /s`
    case 'B':
      return `${value < 100 ? round(value) : grouped(Math.round(value))} B`
    case 'ms':
      return value < 1_000 ? `${value.toPrecision(3)} ms` : `${grouped(Math.round(value))} ms`
    case 'round trips':
      return `${round(value)} RTT`
    case 'times':
      return `${value.toPrecision(3)} ×`
    case 'periods':
      return `${value.toPrecision(2)} periods`
  }
}

function round(value: number): string {
  return String(Math.round(value * 10) / 10)
}

export function grouped(value: number): string {
  return value.toLocaleString('en-US')
}
