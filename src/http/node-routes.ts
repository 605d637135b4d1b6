import type { ConvergedInfo, MembersInfo } from '../index.ts'
import { readBytes, readJsonObject } from './body.ts'
import { type Call, deadlineOf, groupQuery, json, type Route } from './call.ts'
import { requireJson } from './guard.ts'
import { texts } from './object-operation.ts'
import { invalid } from './problem.ts'
import type { ReplicatedAnswer, TagsAnswer } from './shapes.ts'

/** Seeds that one request may bring. */
const JOIN_ADDRESSES_MAX = 64
const ADDRESS_LENGTH_MAX = 1_024
/** What a node takes. */
const REPLICAS_MAX = 255

/**
 * `POST /v1/leave`.
 * @param onLeave called once the goodbyes are said; the process should stop then
 */
export function leaveRoutes(onLeave: () => void): readonly Route[] {
  return [{ method: 'POST', path: '/v1/leave', handle: (call) => leave(call, onLeave) }]
}

/** `/v1/status`, `/v1/members`, `/v1/converged`, `/v1/replicated`, `/v1/tags`, `/v1/join`. */
export function nodeRoutes(): readonly Route[] {
  return [
    { method: 'GET', path: '/v1/status', handle: (call) => json(call.node.status()) },
    { method: 'GET', path: '/v1/members', handle: members },
    { method: 'GET', path: '/v1/converged', handle: converged },
    { method: 'GET', path: '/v1/replicated', handle: replicated },
    { method: 'GET', path: '/v1/tags', handle: tags },
    { method: 'PUT', path: '/v1/tags', handle: setTags },
    { method: 'POST', path: '/v1/join', handle: join },
  ]
}

function members({ node }: Call): Response {
  const answer: MembersInfo = {
    self: node.name,
    viewHash: node.members.viewHash,
    members: node.members.list(),
    links: node.members.links(),
  }
  return json(answer)
}

async function converged(call: Call): Promise<Response> {
  const { name: group } = groupQuery(call)
  const signal = deadlineOf(call)
  const startedAt = performance.now()
  try {
    return json(await call.node.converged({ signal, group }))
  } catch (error) {
    // "Not within the time you gave" is an answer, not a failure.
    if (!signal.aborted || call.request.signal.aborted) throw error
  }
  const answer: ConvergedInfo = {
    converged: false,
    digest: call.node.digest(group),
    members: call.node.members.list().filter((member) => member.state === 'alive').length,
    elapsedMs: Math.round(performance.now() - startedAt),
  }
  return json(answer)
}

async function replicated(call: Call): Promise<Response> {
  const wanted = replicasQuery(call.url)
  const { name: group } = groupQuery(call)
  const signal = deadlineOf(call)
  const startedAt = performance.now()
  try {
    const found = await call.node.replicated(wanted, { signal, group })
    const { replicas, elapsedMs } = found
    return json({ replicated: true, replicas, wanted, group, elapsedMs } satisfies ReplicatedAnswer)
  } catch (error) {
    // "Not within the time you gave" is an answer, not a failure.
    if (!signal.aborted || call.request.signal.aborted) throw error
  }
  const replicas = call.node.replicaCount(group)
  const answer: ReplicatedAnswer = {
    // Counted a moment later: they may just have got it.
    replicated: replicas >= wanted,
    replicas,
    wanted,
    group,
    elapsedMs: Math.round(performance.now() - startedAt),
  }
  return json(answer)
}

/** The number of members that `?replicas=` asks for. @throws {RequestFault} 400 */
function replicasQuery(url: URL): number {
  const text = url.searchParams.get('replicas') ?? ''
  const wanted = /^\d{1,3}$/.test(text) ? Number(text) : 0
  if (wanted >= 1 && wanted <= REPLICAS_MAX) return wanted
  throw invalid(
    `Cannot use replicas: expected a whole number in 1 … ${REPLICAS_MAX}: ${text.slice(0, 100)}`,
    'Say how many other members must hold it, such as replicas=2',
  )
}

function tags({ node }: Call): Response {
  return json({ tags: node.members.self.tags } satisfies TagsAnswer)
}

async function setTags(call: Call): Promise<Response> {
  requireJson(call.request)
  const { tags: wanted } = await readJsonObject(call.request)
  if (typeof wanted !== 'object' || wanted === null || Array.isArray(wanted)) {
    throw invalid('Cannot set tags: expected {"tags":{"KEY":"VALUE"}}')
  }
  const pairs: [string, string][] = []
  for (const [key, value] of Object.entries(wanted)) {
    if (typeof value !== 'string') throw invalid(`Cannot set tag ${key}: expected text`)
    pairs.push([key, value])
  }
  await call.node.members.setTags(Object.fromEntries(pairs), { signal: deadlineOf(call) })
  return tags(call)
}

async function join(call: Call): Promise<Response> {
  requireJson(call.request)
  const body = await readJsonObject(call.request)
  const addresses = texts('addresses', body.addresses)
  if (addresses.length === 0 || addresses.length > JOIN_ADDRESSES_MAX) {
    throw invalid(`Cannot join: expected 1 to ${JOIN_ADDRESSES_MAX} addresses: ${addresses.length}`)
  }
  if (addresses.some((address) => address === '' || address.length > ADDRESS_LENGTH_MAX)) {
    throw invalid(`Cannot join: an address is empty or longer than ${ADDRESS_LENGTH_MAX}`)
  }
  call.node.join(addresses)
  // Accepted, not done: joining is retried in the background for ever.
  return json({ addresses }, 202)
}

async function leave(call: Call, onLeave: () => void): Promise<Response> {
  const isBare = call.request.headers.get('content-type') === null
  if (!isBare) requireJson(call.request)
  // A bare POST without a body is no form of a foreign page; a body of no type is refused.
  const body = await readBytes(call.request, 1_024)
  if (isBare && body.length > 0) requireJson(call.request)
  await call.node.leave({ signal: deadlineOf(call) })
  onLeave()
  return json({ left: true })
}
