// A page that is a member: its list is replicated state, kept in the browser and at every node it meets.

import { createNode, HearsayError, type HearsayNode } from 'hearsay/browser'

const LIST = 'todo'

/** Where the nodes listen: `?join=ws://host:port`, which scripts/page.ts puts into the address. */
const join = new URLSearchParams(location.search).getAll('join')

const state = part('state')
const list = part('list')
const members = part('members')
const form = part('add') as HTMLFormElement
const field = part('what') as HTMLInputElement

try {
  const node = await start()
  show(node)
} catch (error) {
  const hint = error instanceof HearsayError ? `. ${error.hint}` : ''
  state.textContent = `${error instanceof Error ? error.message : String(error)}${hint}`
}

/** In the browser's own database; a second tab, which may not write as the same node, in memory. */
async function start(): Promise<HearsayNode> {
  const name = `page-${Math.random().toString(36).slice(2, 6)}`
  try {
    return await createNode({ name, join, dataDir: 'example' })
  } catch (error) {
    if (!(error instanceof HearsayError) || error.code !== 'ERR_STORE_LOCKED') throw error
    return await createNode({ name, join })
  }
}

function show(node: HearsayNode): void {
  const todo = node.set(LIST)
  const draw = (): void => {
    const { digests, groups, members: counts } = node.status()
    const others = counts.alive + counts.suspect - 1
    const unsynced = groups.reduce((sum, group) => sum + group.unsynced, 0)
    state.textContent =
      others === 0
        ? `Nobody else is there: ${unsynced} changes wait in this browser`
        : digests === 1
          ? `${others + 1} replicas, 1 state`
          : `${others + 1} replicas, ${digests} states: converging`
    list.replaceChildren(...[...todo.values].sort().map((value) => item(value)))
    const seen = node.members.list().filter(({ state: one }) => one !== 'left' && one !== 'failed')
    members.replaceChildren(
      ...seen.map(({ name, state: one, addresses, peerId }) =>
        line(
          name,
          [
            one,
            peerId === node.peerId ? 'this page' : addresses.length > 0 ? 'a node' : 'a page',
          ].join(', '),
        ),
      ),
    )
  }
  const item = (value: string): HTMLElement => {
    const done = document.createElement('button')
    done.textContent = 'Done'
    done.setAttribute('aria-label', `Done: ${value}`)
    done.onclick = () => void todo.remove(value)
    const element = line(value, '')
    element.append(done)
    return element
  }
  form.onsubmit = (event) => {
    event.preventDefault()
    void todo.add(field.value.trim())
    form.reset()
  }
  for (const control of form.querySelectorAll('input, button')) control.removeAttribute('disabled')
  node.subscribe(draw)
  draw()
}

function line(text: string, note: string): HTMLElement {
  const element = document.createElement('li')
  const words = document.createElement('span')
  words.textContent = text
  element.append(words)
  if (note === '') return element
  const small = document.createElement('small')
  small.textContent = note
  element.append(small)
  return element
}

function part(id: string): HTMLElement {
  const element = document.getElementById(id)
  if (element === null) throw new Error(`The page has no ${id}`)
  return element
}
