import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

const PACKAGE_DIRECTORY = /^(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//
const NOTICE_NAME = /^(licen[cs]e|copying|notice)/i

/**
 * The licences of everybody's code that is copied into a bundle: their texts where packages bring them.
 * @param modules paths of all modules inside
 * @param root of the repository, whose own modules need none
 */
export async function notices(modules: readonly string[], root: string): Promise<string> {
  const directories = new Set<string>()
  for (const id of modules) directories.add(PACKAGE_DIRECTORY.exec(id)?.[1] ?? root)
  directories.delete(root)
  const parts = new Map<string, string>()
  for (const directory of directories) {
    const about = JSON.parse(await readFile(join(directory, 'package.json'), 'utf8'))
    const files = (await readdir(directory)).filter((file) => NOTICE_NAME.test(file)).sort()
    const texts = await Promise.all(files.map((file) => readFile(join(directory, file), 'utf8')))
    const { name, version, license, homepage = '' } = about
    const title = `${name} ${version}: ${license} ${homepage}`.trim()
    parts.set(title, [title, ...texts.map((text) => text.trim())].join('\n\n'))
  }
  const sorted = [...parts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, part]) => part)
  return `${sorted.join(`\n\n${'-'.repeat(80)}\n\n`)}\n`
}
