// The dashboard: one page that every node serves. It speaks to the node's API alone.

import { render } from 'preact'
import { createClient } from '../http/client.ts'
import { Actions } from './actions.ts'
import { App } from './app.tsx'
import { Feed } from './feed.ts'
import { PageContext } from './page.ts'
import { Session } from './session.ts'
import { Store } from './store.ts'

function start(root: Element): void {
  const session = new Session()
  const store = new Store()
  const client = createClient({ url: location.origin, token: session.token })
  const feed = new Feed({ client, store })
  const actions = new Actions({ session, store, feed })
  root.replaceChildren()
  render(
    <PageContext.Provider value={{ store, actions, session, client }}>
      <App />
    </PageContext.Provider>,
    root,
  )
  feed.start()
  addEventListener('pagehide', () => feed.stop())
  // Shown again from the browser's memory, with everything stopped.
  addEventListener('pageshow', (event) => {
    if (event.persisted) location.reload()
  })
}

const root = document.getElementById('page')
if (root !== null) start(root)
