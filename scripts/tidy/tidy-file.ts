import ts from 'typescript'

/** A text file of the repository. */
export interface TidyFile {
  /** From the repository's root, with slashes. */
  readonly path: string
  readonly text: string
}

export interface Finding {
  readonly path: string
  /** From 1. */
  readonly line: number
  readonly message: string
}

/** One import or re-export of a TypeScript file. */
export interface ModuleUse {
  /** As written: `./x.ts`, `node:fs`, `libp2p`. */
  readonly specifier: string
  /** The file it leads to from the root, when it is relative. */
  readonly target: string | undefined
  readonly line: number
  /** type: erased, so nothing is loaded · static: loaded with the file · dynamic: `await import()`. */
  readonly kind: 'type' | 'static' | 'dynamic'
}

export interface SourceFile extends TidyFile {
  readonly syntax: ts.SourceFile
  readonly uses: readonly ModuleUse[]
}

/** Parses a TypeScript file and lists what it imports. */
export function parseSource(file: TidyFile): SourceFile {
  const syntax = ts.createSourceFile(file.path, file.text, ts.ScriptTarget.ESNext, true)
  const uses: ModuleUse[] = []
  const add = (node: ts.Node, specifier: ts.Node | undefined, kind: ModuleUse['kind']): void => {
    if (specifier === undefined || !ts.isStringLiteral(specifier)) return
    const target = resolved(file.path, specifier.text)
    uses.push({ specifier: specifier.text, target, line: lineOf(syntax, node), kind })
  }
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      add(node, node.moduleSpecifier, node.importClause?.isTypeOnly === true ? 'type' : 'static')
    } else if (ts.isExportDeclaration(node)) {
      add(node, node.moduleSpecifier, node.isTypeOnly ? 'type' : 'static')
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node, node.arguments[0], 'dynamic')
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      add(node, node.argument.literal, 'type')
    }
    ts.forEachChild(node, visit)
  }
  visit(syntax)
  return { ...file, syntax, uses }
}

export function lineOf(syntax: ts.SourceFile, node: ts.Node): number {
  return syntax.getLineAndCharacterOfPosition(node.getStart(syntax)).line + 1
}

/** The npm package of a specifier: `@libp2p/tcp` of `@libp2p/tcp/x`; undefined for a relative or node: one. */
export function packageOf(specifier: string): string | undefined {
  if (specifier.startsWith('.') || specifier.startsWith('node:')) return undefined
  const parts = specifier.split('/')
  return parts.slice(0, specifier.startsWith('@') ? 2 : 1).join('/')
}

function resolved(from: string, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined
  const parts = from.split('/').slice(0, -1)
  for (const part of specifier.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '.') parts.push(part)
  }
  return parts.join('/')
}
