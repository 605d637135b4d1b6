import { describe, expect, test } from 'vitest'
import { utf8 } from '../../src/base/bytes.ts'
import { MODE_ENTRIES, RUN_VERSION } from '../../src/crdt/run-format.ts'
import { unpackRun } from '../../src/crdt/unpack-run.ts'
import { OTHER, type Part, raw, rawRun, text, WRITER } from './raw-run.ts'

/*
 * Heads of events that start a transaction with the next stamp (0x40); + 0x10 kills one dot, + 0x20 kills a
 * list, + 0x08 same object. Then object 0, new, and its name.
 */
const NONE_KILLS_ONE = '50'
const NONE_KILLS_LIST = '60'
const SET = raw('41', 0, text('s'))
const COUNTER = raw('42', 0, text('c'))
const REGISTER = raw('43', 0, text('r'))
const MAP_VALUE = raw('44', 0, text('m'))
const MAP_SET = raw('46', 0, text('m'))
const ONCE = '00'

function read(bytes: Uint8Array): string {
  const result = unpackRun(bytes)
  return result.ok ? 'read' : result.reason
}

/** The whole key follows, with its length. */
function key(bytes: Uint8Array): Uint8Array {
  return raw(1, bytes.length, ONCE, bytes)
}

const element = (length: number): Uint8Array => rawRun({}, SET, key(utf8('e'.repeat(length))))
const named = (name: string): Uint8Array => rawRun({}, '41', 0, text(name), key(utf8('x')))
const json = (value: string): Uint8Array => rawRun({}, REGISTER, ONCE, text(value))
const leaf = (...components: readonly string[]): Uint8Array =>
  rawRun({}, MAP_VALUE, key(raw(...components.map(text))), text('1'))
const member = (length: number): Uint8Array =>
  rawRun({}, MAP_SET, key(text('p')), text('e'.repeat(length)))
const nested = (depth: number): Uint8Array => json('['.repeat(depth) + ']'.repeat(depth))
/** One range of killed dots from 2 on, written by dot 1. */
const killed = (count: number): Uint8Array =>
  rawRun({}, NONE_KILLS_LIST, ONCE, 1, 0, 1, 3, count - 2)
/** A set's elements, as many groups of up to 256 as it takes. */
function events(count: number): Uint8Array {
  const groups: Part[] = []
  for (let left = count; left > 0; left -= 256) {
    const now = Math.min(256, left)
    // Keys of one byte: the first group names the object, its key's length and is followed by others.
    const shape = left === count ? raw('41', 0, text('s'), 1, 1) : raw('09', 0)
    groups.push(shape, Uint8Array.of(now - 1), new Uint8Array(now).fill(0x78))
  }
  return rawRun({ count }, ...groups)
}
const stamped = (stamp: number): Uint8Array => rawRun({ stamp }, SET, key(utf8('x')))
const amount = (...parts: readonly Part[]): Uint8Array => rawRun({}, COUNTER, ONCE, ...parts)

describe('a run at a limit is read, one beyond is not:', () => {
  test.each<[string, Uint8Array, Uint8Array]>([
    ['elements of 4 KiB', element(4096), element(4097)],
    ['elements of a map’s set of 4 KiB', member(4096), member(4097)],
    ['names of 1 KiB', named('n'.repeat(1024)), named('n'.repeat(1025))],
    ['values of 1 MiB', json(`"${'v'.repeat(2 ** 20 - 2)}"`), json(`"${'v'.repeat(2 ** 20 - 1)}"`)],
    ['JSON 64 deep', nested(64), nested(65)],
    ['paths of 32', leaf(...new Array(32).fill('p')), leaf(...new Array(33).fill('p'))],
    [
      'paths of 4 KiB',
      leaf('p'.repeat(4000), 'q'.repeat(96)),
      leaf('p'.repeat(4000), 'q'.repeat(97)),
    ],
    ['65,536 kills', killed(65_536), killed(65_537)],
    ['16,384 events', events(16_384), events(16_385)],
    ['stamps up to 2^53 − 1', stamped(2 ** 53 - 2), stamped(2 ** 53 - 1)],
    [
      'stamp differences up to 2^53 − 1',
      rawRun({ stamp: 7 }, '81', 0, text('s'), 2 ** 53 - 8, key(utf8('x'))),
      rawRun({ stamp: 7 }, '81', 0, text('s'), 2 ** 53 - 7, key(utf8('x'))),
    ],
    [
      'dots up to 2^53 − 1',
      rawRun({ n0: 2 ** 53 - 2 }, SET, key(utf8('x'))),
      rawRun({ n0: 2 ** 53 - 1 }, SET, key(utf8('x'))),
    ],
    [
      'kills of dots up to 2^53 − 1',
      rawRun({ n0: 2 ** 53 - 10 }, NONE_KILLS_ONE, ONCE, 18),
      rawRun({ n0: 2 ** 53 - 10 }, NONE_KILLS_ONE, ONCE, 20),
    ],
    ['amounts of 256 bits', amount('0420', 'ff'.repeat(32)), amount('0421', 'ff'.repeat(33))],
  ])('%s', (_name, most, tooMuch) => {
    expect(read(most)).toBe('read')
    expect(read(tooMuch)).not.toBe('read')
  })
})

describe('a run is refused', () => {
  test.each<[string, Uint8Array, string]>([
    ['of another version', rawRun({ version: 0x30 }, SET, key(utf8('x'))), 'unknown run version'],
    ['without dots', rawRun({ count: 0 }), 'run without dots'],
    ['from dot 0', rawRun({ n0: 0 }, SET, key(utf8('x'))), 'run without dots'],
    ['with less than announced', rawRun({ count: 2 }, SET, key(utf8('x'))), 'bytes end early'],
    [
      'with more than announced',
      rawRun({}, SET, raw(1, 1), '01', '7879'),
      'more events than announced',
    ],
    ['with anything behind it', rawRun({}, SET, key(utf8('x')), '00'), 'trailing bytes'],
    [
      'when it starts inside a transaction',
      rawRun({}, '01', 0, text('s'), key(utf8('x'))),
      'run starts inside a transaction',
    ],
    ['with an empty name', named(''), 'empty name'],
    ['with an object nobody named', rawRun({}, '41', 1, key(utf8('x'))), 'number above its limit'],
    ['with the same object as nobody', rawRun({}, '49', key(utf8('x'))), 'object of another type'],
    [
      'with an object of another type',
      rawRun({ count: 2 }, SET, key(utf8('x')), '43', 0, ONCE, text('1')),
      'object of another type',
    ],
    ['with malformed UTF-8 in a name', rawRun({}, '41', 0, '01ff'), 'malformed UTF-8'],
    ['with malformed UTF-8 in an element', rawRun({}, SET, key(raw('c080'))), 'malformed UTF-8'],
    ['with a surrogate in an element', rawRun({}, SET, key(raw('eda080'))), 'malformed UTF-8'],
    [
      'with malformed UTF-8 in a path',
      rawRun({}, MAP_VALUE, key(raw('01ff')), text('1')),
      'malformed UTF-8',
    ],
    ['with malformed UTF-8 in a value', rawRun({}, REGISTER, ONCE, 3, '22ff22'), 'malformed UTF-8'],
    ['with a text that is no JSON', json('{'), 'malformed JSON'],
    ['with JSON that holds a lone surrogate', json('"\\ud800"'), 'JSON value outside its limits'],
    ['with a million brackets', json('['.repeat(2 ** 20)), 'malformed JSON'],
    ['with an infinite number', json('1e999'), 'JSON value outside its limits'],
    ['with an empty path', rawRun({}, MAP_VALUE, key(raw()), text('1')), 'empty path'],
    ['with an empty component', leaf('p', ''), 'empty path component'],
    [
      'with a component that is cut',
      rawRun({}, MAP_VALUE, key(raw('0570')), text('1')),
      'path too long',
    ],
    [
      'with a component’s length in a second spelling',
      rawRun({}, MAP_VALUE, key(raw('8100', '70')), text('1')),
      'path component too long',
    ],
    [
      'with a prefix longer than the key before',
      rawRun({}, SET, raw(2 * 1 + 1, 4, ONCE), '787878'),
      'key prefix too long',
    ],
    [
      'with a prefix longer than the key',
      rawRun({ count: 2 }, SET, key(utf8('long')), '09', raw(2 * 3 + 1, 2, ONCE)),
      'key prefix too long',
    ],
    ['with an event that does nothing', rawRun({}, '40', ONCE), 'event without effect'],
    ['with a skip among events', rawRun({}, '00', 1), 'event without effect'],
    ['with a fourth way to kill', rawRun({}, '70', ONCE), 'unknown event head'],
    [
      'with a fourth way to start',
      rawRun({}, 'c1', 0, text('s'), key(utf8('x'))),
      'unknown event head',
    ],
    ['with a removal on an object', rawRun({}, '58', ONCE, 2), 'unknown event head'],
    [
      'with an event that kills itself',
      rawRun({ n0: 5 }, NONE_KILLS_ONE, ONCE, 0),
      'event kills itself',
    ],
    [
      'with an event that kills itself in a list',
      rawRun({ n0: 5 }, NONE_KILLS_LIST, ONCE, 1, 0, 1, 1, 3),
      'event kills itself',
    ],
    ['with a kill of dot 0', rawRun({ n0: 5 }, NONE_KILLS_ONE, ONCE, 9), 'kill of no dot'],
    ['with an empty list of kills', rawRun({}, NONE_KILLS_LIST, ONCE, 0), 'empty list of kills'],
    [
      'with an empty list of kills of a writer',
      rawRun({}, NONE_KILLS_LIST, ONCE, 1, 0, 0),
      'empty list of kills',
    ],
    [
      'with kills of a writer nobody named',
      rawRun({}, NONE_KILLS_LIST, ONCE, 1, 2, 1, 4),
      'number above its limit',
    ],
    [
      'with a second number for the writer',
      rawRun({}, NONE_KILLS_LIST, ONCE, 1, 1, WRITER, 1, 4),
      'replica has a second spelling',
    ],
    [
      'with a writer twice in one list of kills',
      rawRun({}, NONE_KILLS_LIST, ONCE, 2, 1, OTHER, 1, 4, 1, 1, 4),
      'replica twice in a list of kills',
    ],
    [
      'with a padded number',
      rawRun({ stamp: raw('8000') }, SET, key(utf8('x'))),
      'varint has a second spelling',
    ],
    [
      'with a number of nine bytes',
      rawRun({ stamp: raw('ffffffffffffffff01') }),
      'varint too long',
    ],
    ['with minus zero', amount('0200'), 'malformed amount'],
    ['with a padded amount', amount('008000'), 'malformed amount'],
    ['with a small amount as a big one', amount('0407', 'ffffffffffff1f'), 'malformed amount'],
    ['with a big amount as a small one', amount('00', 'ffffffffffffff1f'), 'malformed amount'],
    ['with a padded big amount', amount('0408', 'ff'.repeat(7), '00'), 'malformed amount'],
    ['with flags of nobody', amount('0801'), 'malformed amount'],
  ])('%s', (_name, bytes, reason) => {
    expect(read(bytes)).toBe(reason)
  })

  test('when its head ends early', () => {
    const whole = rawRun({}, SET, key(utf8('x')))
    for (let length = 0; length < whole.length; length++) {
      expect(read(whole.subarray(0, length))).not.toBe('read')
    }
  })

  test('above 8 MiB and some', () => {
    const bytes = (length: number): Uint8Array => {
      const whole = rawRun({ count: 2 }, '47', ONCE, 1, '00', '07', ONCE, 2 ** 23 + 2 ** 16 - 100)
      return raw(whole.subarray(0, -8), new Uint8Array(length - whole.length), '00'.repeat(8))
    }
    expect(read(bytes(2 ** 23 + 2 ** 16 + 1))).toBe('run too long')
  })
})

describe('entries', () => {
  const entries = (count: number, ...body: readonly Part[]): string =>
    read(rawRun({ version: RUN_VERSION | MODE_ENTRIES, count }, ...body))

  test('with skips in front, between and behind are read', () => {
    const x = raw(SET, key(utf8('x')))
    expect(entries(8, '00', 3, x, '00', 2, '09', 0, ONCE, '79', '00', 1)).toBe('read')
  })

  test('of an unknown kind are read', () => {
    expect(entries(1, '07', ONCE, 2, 'abcd')).toBe('read')
  })

  test('may skip as far as dots go', () => {
    expect(entries(2 ** 53 - 2, '00', 2 ** 53 - 2)).toBe('read')
  })

  test.each<[string, number, readonly Part[], string]>([
    ['that kill', 1, [NONE_KILLS_ONE, ONCE, 1], 'entry that is none'],
    ['that kill beside', 1, ['51', 0, text('s'), key(utf8('x')), 2], 'entry that is none'],
    ['with an empty skip', 1, ['00', 0], 'empty skip'],
    ['with a skip beyond the end', 2, ['00', 3], 'number above its limit'],
  ])('%s are refused', (_name, count, body, reason) => {
    expect(entries(count, ...body)).toBe(reason)
  })
})
