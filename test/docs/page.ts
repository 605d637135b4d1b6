import { readFile } from 'node:fs/promises'

/** One block of code of a page, by what it is there for. */
export type Block =
  /** Run in a shell, one after the other; `output` is what it prints. */
  | { readonly type: 'shell'; readonly code: string; output: string | undefined }
  /** One command that goes on: another terminal. It is ready when it has printed `ready`, of a node " is up". */
  | { readonly type: 'background'; readonly code: string; readonly ready?: string }
  /** A program of its own, run to its end. */
  | { readonly type: 'program'; readonly code: string; output: string | undefined }
  /** Written into the folder. */
  | { readonly type: 'file'; readonly name: string; readonly code: string }

export interface Section {
  readonly title: string
  readonly blocks: readonly Block[]
}

const FENCE = /^```([^\n]*)\n([\s\S]*?)^```$/gm

/**
 * The code of a page of docs/, by its second-level headings.
 * @throws {Error} a block of which nobody says what it is there for
 */
export async function sectionsOf(page: string): Promise<readonly Section[]> {
  const text = await readFile(new URL(`../../docs/${page}`, import.meta.url), 'utf8')
  return text.split(/^## /m).map((part, index) => {
    const title = index === 0 ? page : (part.split('\n')[0] ?? '')
    const blocks: Block[] = []
    for (const [, info = '', code = ''] of part.matchAll(FENCE)) addBlock(blocks, info, code)
    return { title, blocks }
  })
}

function addBlock(blocks: Block[], info: string, code: string): void {
  const [language, word] = info.split(' ')
  const last = blocks.at(-1)
  if (language === 'sh' && word === 'background') blocks.push({ type: 'background', code })
  else if (language === 'sh') blocks.push({ type: 'shell', code, output: undefined })
  else if (language === 'ts') blocks.push({ type: 'program', code, output: undefined })
  else if (language === 'json' && word !== undefined)
    blocks.push({ type: 'file', name: word, code })
  else if (language === 'text' && (last?.type === 'shell' || last?.type === 'program')) {
    last.output = code
  } else throw new Error(`A block that nobody runs: ${info}: ${code.slice(0, 80)}`)
}

/** The pattern of an output: `…` is anything in a line, alone in one any lines. Its last line end may be missing. */
export function outputPattern(output: string): RegExp {
  const lines = output.split('\n').slice(0, -1)
  const parts = lines.map((line) =>
    line === '…'
      ? '(?:[^\\n]*\\n)*?'
      : `${line
          .split('…')
          .map((piece) => piece.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'))
          .join('[^\\n]*')} *\\n`,
  )
  return new RegExp(`^${parts.join('').replace(/\\n$/, '\\n?')}$`)
}
