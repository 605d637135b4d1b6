import { appendFile, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  QUARANTINE_BYTES_MAX,
  QUARANTINE_NAME,
  Quarantine,
} from '../../../src/adapters/store/quarantine.ts'
import { utf8 } from '../../../src/base/bytes.ts'
import { temporaryDirectory } from './temporary-directory.ts'

function entry(key: string, bytes = utf8('x')): { key: string; reason: string; bytes: Uint8Array } {
  return { key, reason: 'it is torn', bytes }
}

async function lines(directory: string): Promise<readonly string[]> {
  return (await readFile(join(directory, QUARANTINE_NAME), 'utf8')).trimEnd().split('\n')
}

test('keep() writes one line a row, readable by the owner only', async () => {
  const directory = await temporaryDirectory()
  const kept = await new Quarantine(directory).keep([entry('a'), entry('b')])
  expect(kept).toEqual(['a', 'b'].map((key) => ({ key, reason: 'it is torn', isKept: true })))
  expect(await lines(directory)).toEqual([
    '{"key":"a","reason":"it is torn","bytes":"eA=="}',
    '{"key":"b","reason":"it is torn","bytes":"eA=="}',
  ])
  expect((await stat(join(directory, QUARANTINE_NAME))).mode & 0o777).toBe(0o600)
})

test('keep() of nothing makes no file', async () => {
  const directory = await temporaryDirectory()
  expect(await new Quarantine(directory).keep([])).toEqual([])
  await expect(stat(join(directory, QUARANTINE_NAME))).rejects.toThrow('ENOENT')
})

test('keep() does not write a row again, in this run or a later one', async () => {
  const directory = await temporaryDirectory()
  const first = new Quarantine(directory)
  await first.keep([entry('a')])
  await first.keep([entry('a'), entry('b')])
  expect(await new Quarantine(directory).keep([entry('b'), entry('c')])).toMatchObject([
    { key: 'b', isKept: true },
    { key: 'c', isKept: true },
  ])
  expect((await lines(directory)).map((line) => JSON.parse(line).key)).toEqual(['a', 'b', 'c'])
})

test('keep() begins a new line behind one that a crash cut', async () => {
  const directory = await temporaryDirectory()
  await appendFile(join(directory, QUARANTINE_NAME), '{"key":"to')
  await new Quarantine(directory).keep([entry('a')])
  expect(await lines(directory)).toEqual(['{"key":"to', expect.stringContaining('"key":"a"')])
})

test('keep() stops at its limit and says so', async () => {
  const directory = await temporaryDirectory()
  const big = new Uint8Array(1_048_576)
  const keys = Array.from({ length: 5 }, (_, i) => `k${i}`)
  const kept = await new Quarantine(directory).keep(keys.map((key) => entry(key, big)))
  expect(kept.map(({ isKept }) => isKept)).toEqual([true, true, false, false, false])
  expect(await new Quarantine(directory).keep([entry('small'), entry('k4', big)])).toMatchObject([
    { isKept: true },
    { isKept: false },
  ])
  expect((await stat(join(directory, QUARANTINE_NAME))).size).toBeLessThan(QUARANTINE_BYTES_MAX)
})
