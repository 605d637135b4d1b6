import type { Verb } from './verb.ts'

/** A verb as the program lists it; its own file is loaded only when it is called. */
export interface VerbEntry {
  readonly name: string
  readonly summary: string
  readonly servesApi: boolean
  load(): Promise<Verb>
}

/** What they say of --api is where to serve it. */
const SERVERS: ReadonlySet<string> = new Set(['up', 'demo', 'config'])

function entry(name: string, summary: string, load: () => Promise<{ verb: Verb }>): VerbEntry {
  return {
    name,
    summary,
    servesApi: SERVERS.has(name),
    load: async () => (await load()).verb,
  }
}

/** Every verb, in the order of the help. */
export const VERBS: readonly VerbEntry[] = [
  entry('up', 'run a node until it is told to stop', () => import('./verbs/up.ts')),
  entry(
    'demo',
    'run a cluster in this process: partition, heal, convergence',
    () => import('./verbs/demo.ts'),
  ),
  entry('members', 'who is in the network, and how they are', () => import('./verbs/members.ts')),
  entry('tags', 'print or change the tags of a node', () => import('./verbs/tags.ts')),
  entry(
    'explain',
    'why a member is in its state: its timeline and the evidence',
    () => import('./verbs/explain.ts'),
  ),
  entry('status', 'one node in numbers', () => import('./verbs/status.ts')),
  entry(
    'explain-error',
    'what an error code means, and what to do',
    () => import('./verbs/explain-error.ts'),
  ),
  entry('doctor', 'find what is wrong, and say the fix', () => import('./verbs/doctor.ts')),
  entry(
    'top',
    'members, traffic and convergence, live on the whole screen',
    () => import('./verbs/top.ts'),
  ),
  entry('event', 'broadcast a message to all members', () => import('./verbs/event.ts')),
  entry('query', 'ask all members, print their answers', () => import('./verbs/query.ts')),
  entry('put', 'store a value in the DHT', () => import('./verbs/put.ts')),
  entry('get', 'read a value of the DHT', () => import('./verbs/get.ts')),
  entry('delete', 'delete a value of the DHT', () => import('./verbs/delete.ts')),
  entry(
    'batch',
    'store or read several values of the DHT at once: put, get',
    () => import('./verbs/batch.ts'),
  ),
  entry('keys', 'list what this node has stored in the DHT', () => import('./verbs/keys.ts')),
  entry('counter', 'replicated counter: add, get', () => import('./verbs/counter.ts')),
  entry('set', 'replicated set of strings: add, remove, has, list', () => import('./verbs/set.ts')),
  entry(
    'register',
    'replicated register, the last writer wins: set, get',
    () => import('./verbs/register.ts'),
  ),
  entry('map', 'replicated map by path: values, counters, sets', () => import('./verbs/map.ts')),
  entry(
    'transact',
    'write several objects at once, all or nothing',
    () => import('./verbs/transact.ts'),
  ),
  entry('undo', 'undo the last transaction, or one by its number', () => import('./verbs/undo.ts')),
  entry('objects', 'list the replicated objects', () => import('./verbs/objects.ts')),
  entry('watch', 'print changes as they happen', () => import('./verbs/watch.ts')),
  entry(
    'converged',
    'wait until all live members hold the same state',
    () => import('./verbs/converged.ts'),
  ),
  entry(
    'replicated',
    'wait until other members hold what this node wrote',
    () => import('./verbs/replicated.ts'),
  ),
  entry(
    'export',
    'print what the groups hold, as NDJSON or CSV',
    () => import('./verbs/export.ts'),
  ),
  entry('keygen', 'make the key of a private network', () => import('./verbs/keygen.ts')),
  entry('invite', 'invite somebody into a private network', () => import('./verbs/invite.ts')),
  entry('invites', 'who may join, and what was revoked', () => import('./verbs/invites.ts')),
  entry('revoke', 'take back an invite, or all of a peer', () => import('./verbs/revoke.ts')),
  entry('backup', 'write everything a node stores into a file', () => import('./verbs/backup.ts')),
  entry('restore', 'make a data directory of a backup', () => import('./verbs/restore.ts')),
  entry('join', 'make a node join others', () => import('./verbs/join.ts')),
  entry('leave', 'make a node say goodbye and stop', () => import('./verbs/leave.ts')),
  entry('chaos', 'inject faults: partition, loss, latency, kill', () => import('./verbs/chaos.ts')),
  entry(
    'sim',
    'simulate what can happen to members, and measure it',
    () => import('./verbs/sim.ts'),
  ),
  entry('bench', 'the benchmarks of the repository, as tables', () => import('./verbs/bench.ts')),
  entry(
    'maelstrom',
    'a node of a Maelstrom test, on stdin and stdout',
    () => import('./verbs/maelstrom.ts'),
  ),
  entry('log', 'print or change the level of a running log', () => import('./verbs/log.ts')),
  entry(
    'config',
    'settings of a node: what holds, whether a file can be used',
    () => import('./verbs/config.ts'),
  ),
  entry(
    'completion',
    'completion of command lines for bash, zsh and fish',
    () => import('./verbs/completion.ts'),
  ),
  entry('version', 'print the version', () => import('./verbs/version.ts')),
]
