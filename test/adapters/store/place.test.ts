import { cp, mkdir, readFile, rename, rm, stat, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createLevelStore } from '../../../src/adapters/store/level-store.ts'
import { directoryPlace } from '../../../src/adapters/store/place.ts'
import { temporaryDirectory } from './temporary-directory.ts'

async function dataDirectory(): Promise<string> {
  const directory = join(await temporaryDirectory(), 'data')
  await mkdir(directory)
  return directory
}

test('stays the same for a directory, whatever it is called and however its file is touched', async () => {
  const directory = await dataDirectory()
  const place = await directoryPlace(directory)
  expect(place).toMatch(/^inode \d+ born \d+$/)
  const file = join(directory, 'place')
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  expect(await directoryPlace(directory)).toBe(place)
  await writeFile(file, 'something else')
  expect(await directoryPlace(directory)).toBe(place)
  expect(await readFile(file, 'utf8')).toBe('something else')
  await rename(directory, `${directory}-renamed`)
  expect(await directoryPlace(`${directory}-renamed`)).toBe(place)
})

test('differs in a copy, in a copy of that, and where the file was lost', async () => {
  const directory = await dataDirectory()
  const places = [await directoryPlace(directory)]
  const copies = ['copy', 'copy-copy'].map((name) => `${directory}-${name}`)
  let from = directory
  for (const copy of copies) {
    await cp(from, copy, { recursive: true, preserveTimestamps: true })
    places.push(await directoryPlace(copy))
    from = copy
  }
  await unlink(join(directory, 'place'))
  places.push(await directoryPlace(directory))
  expect(new Set(places).size).toBe(places.length)
  // The inode of what is gone may be given out again; the moment of birth is not.
  await rm(from, { recursive: true })
  await cp(directory, from, { recursive: true })
  expect(places).not.toContain(await directoryPlace(from))
})

test('is told by a store from open() on', async () => {
  const directory = join(await temporaryDirectory(), 'data')
  const store = createLevelStore(directory)
  expect(store.place).toBeUndefined()
  await store.open()
  const { place } = store
  expect(place).toBe(await directoryPlace(directory))
  await store.close()
  await store.open()
  expect(store.place).toBe(place)
  await store.close()
  const copy = createLevelStore(`${directory}-copy`)
  await cp(directory, copy.path, { recursive: true })
  await copy.open()
  expect(copy.place).not.toBe(place)
  await copy.close()
})

test('is told by whatever lies there under its name', async () => {
  const directory = join(await temporaryDirectory(), 'data')
  const store = createLevelStore(directory)
  await store.open()
  await store.close()
  await unlink(join(directory, 'place'))
  await mkdir(join(directory, 'place'))
  await store.open()
  expect(store.place).toMatch(/^inode /)
  await store.close()
})
