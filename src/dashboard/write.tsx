import type { TargetedSubmitEvent, VNode } from 'preact'
import { useState } from 'preact/hooks'
import type { ObjectOperation } from '../http/shapes.ts'
import { pointed, usePage, usePageState } from './page.ts'
import { isPresent } from './snapshot.ts'
import { shown } from './text.ts'

const KINDS = {
  counter: { label: 'counter: add', name: 'visits', value: '1' },
  set: { label: 'set: add', name: 'guests', value: 'ada' },
  register: { label: 'register: set', name: 'motto', value: 'never lost' },
  put: { label: 'DHT: put', name: 'greeting', value: 'hello' },
  get: { label: 'DHT: get', name: 'greeting', value: '' },
} as const
type Kind = keyof typeof KINDS

/** Writes through any node of a demo, or through this one. */
export function Write(): VNode {
  const { actions } = usePage()
  const state = usePageState()
  const { snapshot } = state
  const [kind, setKind] = useState<Kind>('counter')
  const [name, setName] = useState<string>(KINDS.counter.name)
  const [value, setValue] = useState<string>(KINDS.counter.value)
  const [chosen, choose] = useState<string | undefined>(undefined)
  const readable = (snapshot?.peers ?? []).filter((peer) => peer.isOurs && isPresent(peer))
  const names = snapshot?.isLab === true ? readable.map((peer) => peer.name) : []
  const selected = readable.find((peer) => peer.peerId === state.selected)?.name
  const self = snapshot?.self ?? ''
  const through = [chosen, selected].find((one) => one !== undefined && names.includes(one)) ?? self
  const change = (next: Kind): void => {
    setKind(next)
    setName(KINDS[next].name)
    setValue(KINDS[next].value)
  }
  const submit = (event: TargetedSubmitEvent<HTMLFormElement>): void => {
    event.preventDefault()
    if (kind === 'put') void actions.put(through, name, value)
    else if (kind === 'get') void actions.get(through, name)
    else void actions.change(through, name, operationOf(kind, value))
  }
  return (
    <section id="write" class={pointed(state, 'write')} aria-labelledby="write-title">
      <h2 id="write-title">Write and read</h2>
      {state.status?.access.role === 'observer' && (
        <p class="quiet">This node only reads: it was invited as an observer and refuses writes.</p>
      )}
      <form onSubmit={submit} class="fields">
        <label>
          What{' '}
          <select value={kind} onChange={(event) => change(kindOf(event.currentTarget.value))}>
            {Object.entries(KINDS).map(([id, { label }]) => (
              <option key={id} value={id}>
                {label}
              </option>
            ))}
          </select>
        </label>
        <label>
          {kind === 'put' || kind === 'get' ? 'Key' : 'Name'}{' '}
          <input required value={name} onInput={(event) => setName(event.currentTarget.value)} />
        </label>
        {kind !== 'get' && (
          <label>
            Value{' '}
            <input
              required
              inputMode={kind === 'counter' ? 'numeric' : 'text'}
              pattern={kind === 'counter' ? '-?[0-9]{1,15}' : '[^]*'}
              value={value}
              onInput={(event) => setValue(event.currentTarget.value)}
            />
          </label>
        )}
        {names.length > 0 && (
          <label>
            Through{' '}
            <select value={through} onChange={(event) => choose(event.currentTarget.value)}>
              {names.map((one) => (
                <option key={one} value={one}>
                  {shown(one, 32)}
                </option>
              ))}
            </select>
          </label>
        )}
        <button type="submit">{kind === 'get' ? 'Read' : 'Write'}</button>
      </form>
    </section>
  )
}

function kindOf(text: string): Kind {
  return text in KINDS ? (text as Kind) : 'counter'
}

function operationOf(kind: 'counter' | 'set' | 'register', value: string): ObjectOperation {
  switch (kind) {
    case 'counter':
      return { type: 'counter', op: 'add', value: Number(value) }
    case 'set':
      return { type: 'set', op: 'add', value }
    case 'register':
      return { type: 'register', op: 'set', value }
  }
}
