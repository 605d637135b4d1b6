import type { Route } from './call.ts'

const HTML = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>hearsay</title>
<link rel="stylesheet" href="/page.css">
<script src="/page.js" defer></script>
</head>
<body>
<main>
<h1>hearsay <span id="name"></span></h1>
<p id="note" role="status">Loading…</p>
<form id="sign-in" hidden><label>Token <input id="token" type="password" autocomplete="off"></label> <button>Show</button></form>
<h2>Members</h2>
<table><thead><tr><th>name</th><th>state</th><th>rtt</th><th>digest</th><th>peer id</th></tr></thead><tbody id="members"></tbody></table>
<h2>Groups</h2>
<table><thead><tr><th>group</th><th>state</th><th>digest</th><th>objects</th><th>unsynced</th></tr></thead><tbody id="groups"></tbody></table>
<h2>Objects</h2>
<table><thead><tr><th>name</th><th>type</th><th>group</th></tr></thead><tbody id="objects"></tbody></table>
</main>
</body>
</html>
`

const CSS = `:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif }
body { margin: 0 auto; max-width: 64rem; padding: 1rem }
h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; margin: 1.5rem 0 .3rem }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th, td { text-align: left; padding: .2rem .8rem .2rem 0; overflow-wrap: anywhere }
th { font-weight: 600; border-bottom: 1px solid color-mix(in srgb, currentColor 30%, transparent) }
#name { font-weight: 400 }
`

// Everything that peers named goes through textContent: a name is never markup.
const SCRIPT = `'use strict'
const TOKEN_KEY = 'hearsay-token'
const PERIOD_MS = 2000
const element = (id) => document.getElementById(id)
const fragment = new URLSearchParams(location.hash.slice(1))
if (fragment.has('token')) {
  sessionStorage.setItem(TOKEN_KEY, fragment.get('token'))
  history.replaceState(null, '', '/')
}
element('sign-in').addEventListener('submit', (event) => {
  event.preventDefault()
  sessionStorage.setItem(TOKEN_KEY, element('token').value.trim())
  element('token').value = ''
  void refresh()
})
async function ask(path) {
  const token = sessionStorage.getItem(TOKEN_KEY) ?? ''
  const response = await fetch(path, token === '' ? {} : { headers: { authorization: 'Bearer ' + token } })
  if (!response.ok) throw Object.assign(new Error('HTTP ' + response.status), { status: response.status })
  return response.json()
}
function fill(id, rows) {
  element(id).replaceChildren(...rows.map((cells) => {
    const row = document.createElement('tr')
    for (const cell of cells) row.insertCell().textContent = String(cell ?? '')
    return row
  }))
}
const short = (digest) => digest.slice(0, 12)
async function refresh() {
  try {
    const [status, members, objects] = await Promise.all([ask('/v1/status'), ask('/v1/members'), ask('/v1/objects')])
    element('name').textContent = status.name
    document.title = 'hearsay ' + status.name
    element('note').textContent = status.network + ', version ' + status.version + ', ' +
      status.members.alive + ' alive, ' + status.dht.records + ' records'
    element('sign-in').hidden = true
    fill('members', members.members.map((one) => [one.name, one.state,
      one.rttMs === undefined ? '' : one.rttMs.toFixed(1) + ' ms', short(one.digest), one.peerId]))
    fill('groups', status.groups.map((one) => [one.name, one.state, short(one.digest), one.objects, one.unsynced]))
    fill('objects', objects.objects.map((one) => [one.name, one.type, one.group]))
  } catch (error) {
    element('sign-in').hidden = error.status !== 401
    element('note').textContent = error.status === 401 ? 'This node needs its token.' : 'No answer: ' + error.message
  }
}
void refresh()
setInterval(() => { if (!document.hidden) void refresh() }, PERIOD_MS)
`

/** The status page: served without a token, it asks for the data with the one from its fragment. */
export function pageRoutes(): readonly Route[] {
  return [
    asset('/', 'text/html', HTML),
    asset('/page.css', 'text/css', CSS),
    asset('/page.js', 'text/javascript', SCRIPT),
  ]
}

function asset(path: string, type: string, body: string): Route {
  return {
    method: 'GET',
    path,
    isPublic: true,
    handle: () => new Response(body, { headers: { 'content-type': `${type}; charset=utf-8` } }),
  }
}
