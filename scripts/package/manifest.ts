/** What of package.json is for this repository: its scripts, its tools, and the runtime that it brings along. */
const OURS: ReadonlySet<string> = new Set([
  'private',
  'scripts',
  'devDependencies',
  'optionalDependencies',
])

/** package.json as it is published: nobody who installs the package gets a second Node.js. */
export function publishedManifest(
  manifest: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  return Object.fromEntries(Object.entries(manifest).filter(([key]) => !OURS.has(key)))
}
