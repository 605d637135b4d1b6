import { expect, test } from 'vitest'
import type { StorePage } from '../../src/adapters/store/store.ts'
import { utf8 } from '../../src/base/bytes.ts'
import { HearsayError } from '../../src/base/errors.ts'
import { loadStore } from '../../src/node/load-store.ts'

class Recorder {
  readonly calls: string[] = []
  #left = 2

  load({ key }: { readonly key: string }): void {
    this.calls.push(`load ${key}`)
  }

  damaged(key: string): void {
    this.calls.push(`damaged ${key}`)
    if (key.startsWith('state!')) throw new HearsayError('ERR_STORE', 'Cannot load')
  }

  loadSome(): boolean {
    this.calls.push(`${this.#left} parts`)
    this.#left -= 1
    return this.#left >= 0
  }
}

function storeOf(
  pages: readonly StorePage[],
  facts: {
    readonly tornBytes?: number
    readonly migratedFrom?: number
    readonly wasUnsynced?: boolean
  } = {},
) {
  return {
    wasUnsynced: facts.wasUnsynced ?? false,
    tornBytes: facts.tornBytes ?? 0,
    migratedFrom: facts.migratedFrom,
    async *rows() {
      yield* pages
    },
  }
}

const row = (key: string) => ({ key, value: utf8(key) })
const broken = (key: string, isKept = true) => ({ key, reason: 'it is torn', isKept })

test('loadStore() loads sound rows and hands on the damaged ones', async () => {
  const recorder = new Recorder()
  const pages = [
    { rows: [row('kv!1'), row('kv!3')], damaged: [broken('kv!2')] },
    { rows: [row('state!1')], damaged: [broken('member!"x', false)] },
  ]
  const report = await loadStore(storeOf(pages), recorder)
  expect(recorder.calls).toEqual([
    ...['load kv!1', 'load kv!3', 'damaged kv!2', 'load state!1', 'damaged member!"x'],
    ...['2 parts', '1 parts', '0 parts'],
  ])
  expect(report).toMatchObject({ damagedRows: 2, tornBytes: 0 })
  expect(report.alarms).toEqual([
    expect.stringMatching(/^store-damaged: .* 2 rows, the first "kv!2": it is torn; 1 are kept/),
  ])
})

test('loadStore() of a sound store has nothing to say', async () => {
  const report = await loadStore(storeOf([{ rows: [row('kv!1')], damaged: [] }]), new Recorder())
  expect(report).toEqual({ tornBytes: 0, damagedRows: 0, alarms: [] })
})

test('loadStore() tells of a torn end and of a migration', async () => {
  const report = await loadStore(storeOf([], { tornBytes: 12, migratedFrom: 1 }), new Recorder())
  expect(report.tornBytes).toBe(12)
  expect(report.alarms).toEqual([
    expect.stringMatching(/^store-migrated: from format 1; .*db\.backup-1/),
    expect.stringMatching(/^store-torn: 12 bytes/),
  ])
})

test('loadStore() tells of a last run that may have lost its end', async () => {
  const report = await loadStore(storeOf([], { wasUnsynced: true }), new Recorder())
  expect(report.alarms).toEqual([expect.stringMatching(/^store-unsynced: the last run had /)])
})

test('loadStore() ends with the error of a row without which the node must not run', async () => {
  const pages = [{ rows: [], damaged: [broken('state!log!1')] }]
  await expect(loadStore(storeOf(pages), new Recorder())).rejects.toMatchObject({
    code: 'ERR_STORE',
  })
})
