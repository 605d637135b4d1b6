import type { Context } from './context.ts'
export interface DemoOptions {
  readonly nodes: number
  readonly isOnce: boolean
  readonly dataDir: string | undefined
}
export async function runDemo(_context: Context, _options: DemoOptions): Promise<number> {
  throw new Error('not yet')
}
