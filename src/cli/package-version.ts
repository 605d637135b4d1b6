import { readFile } from 'node:fs/promises'

/** The version in package.json, which lies two folders above both src/cli and dist/cli. */
export async function packageVersion(): Promise<string> {
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8')
  const content: unknown = JSON.parse(text)
  const version: unknown =
    typeof content === 'object' && content !== null ? Reflect.get(content, 'version') : undefined
  return typeof version === 'string' ? version : 'unknown'
}
