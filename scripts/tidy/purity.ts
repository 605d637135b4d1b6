import ts from 'typescript'
import { isCore } from './floors.ts'
import { type Finding, lineOf, type SourceFile } from './tidy-file.ts'

/** Names that bring time, chance, concurrency or a platform into a core. */
const BANNED = new Set([
  ...['Promise', 'setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'console'],
  ...[
    'process',
    'performance',
    'structuredClone',
    'crypto',
    'Buffer',
    'TextEncoder',
    'TextDecoder',
  ],
  ...['fetch', 'globalThis', 'AbortController', 'AbortSignal', 'EventTarget', 'WeakRef', 'Intl'],
  ...['FinalizationRegistry', 'Atomics', 'SharedArrayBuffer', 'require', 'window', 'document'],
])
/** Members that do the same on an object that is otherwise fine. */
const BANNED_MEMBERS = new Set(['Date.now', 'Math.random', 'Date.parse', 'Array.fromAsync'])

/** Platform names that one file may use: pure functions that every platform has alike. */
const ALLOWED: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  // UTF-8; written by hand it takes fifty times as long over a long text.
  ['src/base/bytes.ts', new Set(['TextEncoder', 'TextDecoder'])],
])

/** Uses of time, chance, promises and platform globals in floors 0 to 3. */
export function purity(source: SourceFile): readonly Finding[] {
  if (!isCore(source.path)) return []
  const allowed = ALLOWED.get(source.path)
  const findings: Finding[] = []
  const found = (node: ts.Node, what: string): void => {
    const message = `uses ${what} in a core, which gets time, chance and effects from outside`
    findings.push({ path: source.path, line: lineOf(source.syntax, node), message })
  }
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node) && BANNED.has(node.text) && !isMemberName(node)) {
      if (allowed?.has(node.text) !== true) found(node, node.text)
    } else if (ts.isPropertyAccessExpression(node)) {
      const member = `${node.expression.getText(source.syntax)}.${node.name.text}`
      if (BANNED_MEMBERS.has(member)) found(node, member)
    } else if (ts.isNewExpression(node) && node.expression.getText(source.syntax) === 'Date') {
      if ((node.arguments?.length ?? 0) === 0) found(node, 'new Date()')
    } else if (node.kind === ts.SyntaxKind.AsyncKeyword || ts.isAwaitExpression(node)) {
      found(node, node.kind === ts.SyntaxKind.AsyncKeyword ? 'async' : 'await')
    }
    ts.forEachChild(node, visit)
  }
  visit(source.syntax)
  return findings
}

/** Whether an identifier only names a member: `frame.process`, `{ process: 1 }`, `process(): void`. */
function isMemberName(node: ts.Identifier): boolean {
  const parent = node.parent
  if (ts.isPropertyAccessExpression(parent)) return parent.name === node
  if (ts.isPropertyAssignment(parent) || ts.isPropertySignature(parent)) return parent.name === node
  if (ts.isMethodDeclaration(parent) || ts.isMethodSignature(parent)) return parent.name === node
  if (ts.isPropertyDeclaration(parent)) return parent.name === node
  return false
}
