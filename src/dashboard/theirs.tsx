import type { VNode } from 'preact'
import { shown } from './text.ts'

/** Text of other people, whose direction of writing stays inside. */
export function Text({ of, max }: { readonly of: string; readonly max?: number }): VNode {
  return <bdi>{shown(of, max)}</bdi>
}
