import { expect, test } from 'vitest'
import { Conversation } from '../../bench/state/conversation.ts'
import { HearsayDocument } from '../../bench/state/hearsay-document.ts'
import { checksum } from '../../bench/state/keys.ts'
import { LIBRARY_NAMES, loadLibrary } from '../../bench/state/libraries.ts'

test('frames between documents that are cut are lost until it is mended', () => {
  const [a, b] = [new HearsayDocument(1, []), new HearsayDocument(2, [])] as const
  const conversation = new Conversation([a, b], { flightMs: 1 })
  conversation.link(a, b)
  conversation.settle()
  conversation.cut(a, b)
  a.add('x')
  conversation.pass(5_000)
  expect(b.has('x')).toBe(false)
  conversation.mend(a, b)
  const { bytes, ms } = conversation.settle()
  expect(b.has('x')).toBe(true)
  expect(bytes).toBeGreaterThan(0)
  expect(ms).toBeGreaterThan(0)
})

test.each([...LIBRARY_NAMES, 'model'])(
  '%s: writes of both sides arrive, and stay after a load',
  async (name) => {
    const library = await loadLibrary(name)
    const [a, b] = [library.create(1), library.create(2)] as const
    a.change(['1', '2', '3'], [])
    await library.sync(a, b)
    a.remove('1')
    a.add('4')
    b.remove('2')
    b.change(['5'], ['3'])
    await library.sync(a, b)
    expect([...a.keys()].sort()).toEqual(['4', '5'])
    expect(checksum(b)).toBe(checksum(a))
    a.change(['other'], [], 'another set')
    const loaded = library.load(library.snapshot(a), 3)
    expect(checksum(loaded)).toBe(checksum(a))
    expect(loaded.keys('another set')).toEqual(['other'])
    const { counter } = a
    counter?.increment(3)
    expect(counter?.value() ?? 3).toBe(3)
  },
)

test.each([...LIBRARY_NAMES, 'model'])(
  '%s: messages bring another document up to date',
  async (name) => {
    const library = await loadLibrary(name)
    const [a, b, c] = [library.create(1), library.create(2), library.create(3)] as const
    const messages: Uint8Array[] = []
    a.listen((message) => messages.push(message))
    a.add('1')
    a.change(['2', '3'], [])
    a.remove('2')
    a.listen(undefined)
    for (const message of messages) b.apply(message)
    for (const message of library.pack(a, messages)) c.apply(message)
    expect([...b.keys()].sort()).toEqual(['1', '3'])
    expect([...c.keys()].sort()).toEqual(['1', '3'])
    expect(messages.length).toBe(3)
  },
)
