import { type Context, createContext } from 'preact'
import { useContext, useEffect, useState } from 'preact/hooks'
import type { Client } from '../http/client.ts'
import type { Actions } from './actions.ts'
import type { Session } from './session.ts'
import type { State, Store } from './store.ts'

/** What all parts of the page share. */
export interface Page {
  readonly store: Store
  readonly actions: Actions
  readonly session: Session
  /** Of the node that serves the page. */
  readonly client: Client
}

export const PageContext: Context<Page | undefined> = createContext<Page | undefined>(undefined)

export function usePage(): Page {
  const page = useContext(PageContext)
  if (page === undefined) throw new Error('Cannot show this outside the page')
  return page
}

/** The state of the page; whoever uses it is drawn anew with each change. */
export function usePageState(): State {
  const { store } = usePage()
  const [state, show] = useState(store.state)
  useEffect(() => {
    show(store.state)
    return store.subscribe(() => show(store.state))
  }, [store])
  return state
}

/** The part of a class name that marks what the tour points at. */
export function pointed(state: State, id: string): string {
  return state.pointedAt === id ? ' pointed-at' : ''
}

/** Whether the user asked for less motion. */
export function isStill(): boolean {
  return matchMedia('(prefers-reduced-motion: reduce)').matches
}
