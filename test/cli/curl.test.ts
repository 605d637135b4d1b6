import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { curlCommand } from '../../src/cli/curl.ts'

const URL_TEXT = 'http://127.0.0.1:7400/v1/x?a=b&c=d'

/** What a shell makes of the command's words. */
function words(command: string): readonly string[] {
  const script = `curl() { printf '%s\\0' "$@"; }\nHEARSAY_API_TOKEN=tok\n${command}`
  return execFileSync('sh', ['-c', script]).toString().split('\0').slice(0, -1)
}

test('a GET is its URL, quoted, with the token as a variable', async () => {
  const request = new Request(URL_TEXT, { headers: { authorization: 'Bearer secret' } })
  const command = await curlCommand(request)
  expect(command).not.toContain('secret')
  expect(words(command)).toEqual(['-sS', '-H', 'Authorization: Bearer tok', URL_TEXT])
})

test('a text body survives the shell, quotes and @ included', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'grapheme-ascii', minLength: 1 }), async (body) => {
      const command = await curlCommand(new Request(URL_TEXT, { method: 'PUT', body }))
      expect(words(command)).toContain(body)
    }),
    { numRuns: 30 },
  )
  const command = await curlCommand(new Request(URL_TEXT, { method: 'PUT', body: '@file' }))
  expect(words(command)).toEqual(expect.arrayContaining(['--data-raw', '@file']))
})

test('bytes that are no text come through a pipe', async () => {
  const body = Uint8Array.of(0, 255, 10)
  const command = await curlCommand(new Request(URL_TEXT, { method: 'PUT', body }))
  expect(command).toMatch(/^echo AP8K \| base64 -d \| curl .* --data-binary @- /)
})
