import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hex } from '../../src/base/bytes.ts'
import type { ReplicaId } from '../../src/base/ids.ts'
import {
  KEY_BYTES_MAX,
  KILLS_MAX,
  NAME_BYTES_MAX,
  PATH_DEPTH_MAX,
  RUN_EVENTS_MAX,
  VALUE_BYTES_MAX,
} from '../../src/crdt/limits.ts'
import { CHAIN_BYTES } from '../../src/crdt/run-format.ts'
import { chainAfter, decodeRunHead } from '../../src/crdt/run-head.ts'
import { RunReader } from '../../src/crdt/run-reader.ts'
import { type UnpackedEvent, unpackRun } from '../../src/crdt/unpack-run.ts'
import { anyContent, anyRun } from './any-run.ts'
import {
  chainOf,
  encodeEntries,
  encodeRun,
  replicaOf,
  type WrittenEvent,
  type WrittenRun,
} from './encoded.ts'
import { element, first, next, SAMPLES } from './run-samples.ts'

const A = replicaOf('a')
const B = replicaOf('b')

/** Without the writer's chain at the end, which has a test of its own. */
const GOLDEN: Readonly<Record<string, string>> = {
  'one add': '20<a>0101e707410001730105006170706c65',
  'one removal': '20<a>0701e707500003',
  'removal of another writer’s dot': '20<a>0701e70760000101<b>01d604',
  'removal of dots and ranges of two writers': '20<a>5a01e707600002000205010601<b>020100fa887a',
  'adds that share a prefix':
    '20<a>0104e707410001730107006170706c652d31090c0032090d080033300901040070656172',
  'a counter that counts on': '20<a>0402e707420001630000ac025a0000ad0200',
  'counters negative, grow-only and beyond 2^53':
    '20<a>0105e707420001630002010a03010000ffffffffffffff0f04070000000000002006200000000000000000000000000000000000000000000000000000000000000080',
  'a register': '20<a>0101e7074300017200117b2264656570223a5b312c6e756c6c5d7d',
  'map value, counter and set':
    '20<a>0104e7074400016d010b00046e616d650566697273740522416461220d0b0c000676697369747302020e0b0a0004746167730178' +
    '0e140000',
  'several objects, one of them again':
    '20<a>0104e7074100036f6e650101007801010374776f020001000000790302036f6e65000131',
  'transactions at the next stamp, a later one and the same one':
    '20<a>0105e707410001730101016162090000638987270000648900000065',
  'a kind of a newer version': '20<a>0103e70741000173010100780700030102032700000101<b>0102',
}

/** What comes out of a run that was written; kills in order of replica and number. */
function expected({ replica, n0, events }: WrittenRun): readonly UnpackedEvent[] {
  return events.map((event, i) => sorted({ ...event, replica, n: n0 + i }))
}

function sorted(event: UnpackedEvent): UnpackedEvent {
  const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
  const kills = event.kills.toSorted((a, b) => order(a.replica, b.replica) || a.n - b.n)
  return { ...event, kills }
}

function unpacked(bytes: Uint8Array): readonly UnpackedEvent[] {
  const read = unpackRun(bytes)
  if (!read.ok) throw new Error(read.reason)
  return read.value.map(sorted)
}

function shown(bytes: Uint8Array): string {
  return hex(bytes).replace(A, '<a>').replace(B, '<b>')
}

/** Expects that nothing a reader let pass is beyond what the state is made for. */
function expectWithinLimits(events: readonly UnpackedEvent[]): void {
  expect(events.length).toBeLessThanOrEqual(RUN_EVENTS_MAX)
  let kills = 0
  for (const { content, kills: killed, n, stamp } of events) {
    kills += killed.length
    expect(Number.isSafeInteger(n) && n > 0 && Number.isSafeInteger(stamp) && stamp >= 0).toBe(true)
    for (const dot of killed) expect(Number.isSafeInteger(dot.n) && dot.n > 0).toBe(true)
    if (content === undefined || content.type === 'unknown') continue
    const bytes = (text: string): number => Buffer.byteLength(text)
    expect(bytes(content.object)).toBeLessThanOrEqual(NAME_BYTES_MAX)
    if ('element' in content) expect(bytes(content.element)).toBeLessThanOrEqual(KEY_BYTES_MAX)
    if ('json' in content) {
      expect(bytes(content.json)).toBeLessThanOrEqual(VALUE_BYTES_MAX)
      JSON.parse(content.json)
    }
    if (!('path' in content)) continue
    expect(content.path.length).toBeLessThanOrEqual(PATH_DEPTH_MAX)
    expect(bytes(content.path.join(''))).toBeLessThanOrEqual(KEY_BYTES_MAX)
  }
  expect(kills).toBeLessThanOrEqual(KILLS_MAX)
}

describe('a run', () => {
  test.each(Object.entries(SAMPLES))('of %s has the golden bytes', (name, run) => {
    expect(shown(encodeRun(run).subarray(0, -CHAIN_BYTES))).toBe(GOLDEN[name])
  })

  test.each(Object.entries(SAMPLES))('of %s reads as it was written', (_name, run) => {
    expect(unpacked(encodeRun(run))).toEqual(expected(run))
  })

  test('reads as it was written, whatever it was', () => {
    fc.assert(
      fc.property(anyRun, (run) => {
        const bytes = encodeRun(run)
        expect(unpacked(bytes)).toEqual(expected(run))
        expectWithinLimits(unpacked(bytes))
        const { replica, n0, events } = run
        expect(decodeRunHead(bytes)).toMatchObject({
          ok: true,
          value: { replica, n0, count: events.length, isEntries: false },
        })
        expect(chainAfter(bytes)).toEqual(chainOf(run))
      }),
      { numRuns: 500 },
    )
  })

  test('reads the same after any other with one reader', () => {
    fc.assert(
      fc.property(anyRun, anyRun, (one, other) => {
        const bytes = encodeRun(other)
        const [fresh, used] = [new RunReader(), new RunReader()]
        used.read(encodeRun(one))
        fresh.read(bytes)
        used.read(bytes)
        expect(columns(used)).toEqual(columns(fresh))
      }),
      { numRuns: 200 },
    )
  })

  test('is refused when cut anywhere', () => {
    for (const run of Object.values(SAMPLES)) {
      const bytes = encodeRun(run)
      for (let length = 0; length < bytes.length; length++) {
        expect(unpackRun(bytes.subarray(0, length)).ok).toBe(false)
      }
    }
  })

  test('of random bytes never makes the decoder throw', () => {
    const head = encodeRun({ replica: A, n0: 1, events: [first(5, element('x'))] })
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(unpackRun(bytes).ok).toBe(false)
        expect(typeof decodeRunHead(bytes).ok).toBe('boolean')
        // A head that is true leads further in.
        const inside = unpackRun(Uint8Array.of(...head.subarray(0, 17), ...bytes))
        if (inside.ok) expectWithinLimits(inside.value)
      }),
      { numRuns: 5_000 },
    )
  })

  test('that was changed anywhere never makes the decoder throw or leave its limits', () => {
    const change = fc.record({
      at: fc.nat(),
      value: fc.nat({ max: 255 }),
      what: fc.constantFrom('set', 'insert', 'remove', 'flip'),
    })
    const changes = fc.array(change, { minLength: 1, maxLength: 4 })
    const sample = fc.constantFrom(...Object.values(SAMPLES))
    let stillReadable = 0
    fc.assert(
      fc.property(fc.oneof(sample, anyRun), changes, (run, list) => {
        let bytes = [...encodeRun(run)]
        for (const { at, value, what } of list) {
          const i = at % bytes.length
          if (what === 'set') bytes[i] = value
          else if (what === 'flip') bytes[i] = (bytes[i] ?? 0) ^ (1 << (value & 7))
          else if (what === 'insert') bytes.splice(i, 0, value)
          else bytes = bytes.toSpliced(i, 1)
        }
        const read = unpackRun(Uint8Array.from(bytes))
        if (!read.ok) return
        stillReadable += 1
        expectWithinLimits(read.value)
      }),
      { numRuns: 5_000 },
    )
    expect(stillReadable).toBeGreaterThan(500)
  })
})

describe('entries', () => {
  test('have the golden bytes', () => {
    const register = first(1010, { type: 'register', object: 'r', json: '1' })
    const items = [first(1000, element('x')), 2, next(1000, element('y')), register, 300]
    const bytes = encodeEntries(A, 5, items)
    expect(shown(bytes)).toBe('21<a>05b102e7074100017301010078000209000079830101720a00013100ac02')
    expect(unpacked(bytes).map(({ n }) => n)).toEqual([5, 8, 9])
  })

  test('under ascending numbers, all or every second one, take about two bytes', () => {
    const sizeOf = (step: number): number => {
      const numbers = Array.from({ length: 1_000 }, (_, i) => `element-${100_000 + i * step}`)
      const items = numbers.map((key) => next(1000, element(key)))
      return encodeEntries(A, 1, items).length / numbers.length
    }
    expect(sizeOf(1)).toBeLessThan(1.8)
    expect(sizeOf(2)).toBeLessThan(2.4)
  })

  test('read as they were written, with their gaps', () => {
    const entry = fc.record({
      content: anyContent.filter(({ type }) => type !== 'unknown'),
      gap: fc.constantFrom(0, 0, 1, 63, 1_000_000),
      stampStep: fc.constantFrom(0, 1, 9),
    })
    const entries = fc.array(entry, { minLength: 1, maxLength: 20 })
    fc.assert(
      fc.property(entries, fc.integer({ min: 1, max: 2 ** 40 }), (list, n0) => {
        const items: (WrittenEvent | number)[] = []
        const written: UnpackedEvent[] = []
        let n = n0
        let stamp = 50
        for (const { content, gap, stampStep } of list) {
          stamp += stampStep
          const event = { content, stamp, starts: stampStep > 0 || items.length === 0, kills: [] }
          items.push(gap, event)
          written.push({ ...event, replica: A, n: n + gap })
          n += gap + 1
        }
        expect(unpacked(encodeEntries(A, n0, items))).toEqual(written)
      }),
    )
  })
})

describe('the chain', () => {
  test('has the golden bytes', () => {
    const chains = ['one add', 'removal of dots and ranges of two writers', 'a register'].map(
      (name) =>
        shown(encodeRun(SAMPLES[name] ?? { replica: A, n0: 1, events: [] }).subarray(-CHAIN_BYTES)),
    )
    expect(chains).toEqual(['fcba7c76a5c973c2', '2930f4c71852e0e1', '1c8197dcc2f83240'])
  })

  test('goes on: two runs end with the chain of both as one', () => {
    fc.assert(
      fc.property(anyRun, fc.nat(), (run, at) => {
        const cuts = run.events.flatMap(({ starts }, i) => (starts && i > 0 ? [i] : []))
        const cut = cuts[at % Math.max(1, cuts.length)]
        if (cut === undefined) return
        const { replica, n0, events } = run
        const before = chainOf({ replica, n0, events: events.slice(0, cut) })
        const after = { replica, n0: n0 + cut, events: events.slice(cut), chain: before }
        expect(chainOf(after)).toEqual(chainOf(run))
        expect(chainAfter(encodeRun(after))).toEqual(chainAfter(encodeRun(run)))
      }),
    )
  })
})

/** All that a reader tells of a run. */
function columns(runs: RunReader): unknown {
  const { events } = runs
  const kills = runs.killStarts[events] ?? 0
  const rows = Array.from({ length: events }, (_, i) => [
    ...[runs.kinds[i], runs.starts[i], runs.dots[i], runs.stamps[i], runs.object[i]],
    ...[runs.highs[i], runs.lows[i], runs.keyHashes[i], runs.killStarts[i]],
    hex(runs.keys.subarray(runs.keyStarts[i], runs.keyEnds[i])),
    hex(runs.bytes.subarray(runs.payloadStarts[i], runs.payloadEnds[i])),
  ])
  const replicas: readonly ReplicaId[] = runs.replicas
  return {
    rows,
    replicas,
    objects: runs.objects,
    chain: runs.chain,
    dots: runs.killDots.slice(0, kills),
  }
}
