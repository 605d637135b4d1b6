import type { ConvergedInfo, MembersInfo } from '../index.ts'
import { readBytes } from './body.ts'
import { type Call, deadlineOf, groupQuery, json, type Route } from './call.ts'
import { requireJson } from './guard.ts'
import { answers, jsonRoute, readQuery } from './operation.ts'
import {
  convergedSchema,
  type JoinBody,
  joinSchema,
  leftSchema,
  membersSchema,
  replicatedSchema,
  statusSchema,
  tagsSchema,
} from './schemas/node-answers.ts'
import { duration, group, replicas as replicasField } from './schemas/query-fields.ts'
import type { ReplicatedAnswer, TagsAnswer } from './shapes.ts'

const REPLICAS = { replicas: replicasField }

/**
 * `POST /v1/leave`.
 * @param onLeave called once the goodbyes are said; the process should stop then
 */
export function leaveRoutes(onLeave: () => void): readonly Route[] {
  return [
    {
      method: 'POST',
      path: '/v1/leave',
      operation: {
        id: 'leave',
        summary: 'Say goodbye to the others and stop',
        query: { timeoutMs: duration },
        answers: { 200: answers(leftSchema, 'The others know') },
      },
      handle: (call) => leave(call, onLeave),
    },
  ]
}

/** `/v1/status`, `/v1/members`, `/v1/converged`, `/v1/replicated`, `/v1/tags`, `/v1/join`. */
export function nodeRoutes(): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/status',
      operation: {
        id: 'status',
        summary: 'The node in numbers',
        answers: { 200: answers(statusSchema, 'As it is now') },
      },
      handle: (call) => json(call.node.status()),
    },
    {
      method: 'GET',
      path: '/v1/members',
      operation: {
        id: 'members',
        summary: 'Who is in the network, as this node sees it',
        answers: { 200: answers(membersSchema, 'This node among them') },
      },
      handle: members,
    },
    ...waitRoutes(),
    ...tagRoutes(),
    jsonRoute({
      method: 'POST',
      path: '/v1/join',
      operation: {
        id: 'join',
        summary: 'Join others, in the background, until it works',
        body: joinSchema,
        answers: { 202: answers(joinSchema, 'Accepted, not done') },
      },
      handle: join,
    }),
  ]
}

/** They wait for others, and answer either way. */
function waitRoutes(): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/converged',
      operation: {
        id: 'converged',
        summary: 'Wait until all live members hold the same state',
        query: { group, timeoutMs: duration },
        answers: { 200: answers(convergedSchema, 'Whether they did in time') },
      },
      handle: converged,
    },
    {
      method: 'GET',
      path: '/v1/replicated',
      operation: {
        id: 'replicated',
        summary: 'Wait until others hold what this node wrote',
        query: { ...REPLICAS, group, timeoutMs: duration },
        answers: { 200: answers(replicatedSchema, 'Whether they did in time') },
      },
      handle: replicated,
    },
  ]
}

function tagRoutes(): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/tags',
      operation: {
        id: 'tags',
        summary: 'The tags of the node',
        answers: { 200: answers(tagsSchema, 'As others see them') },
      },
      handle: tags,
    },
    jsonRoute({
      method: 'PUT',
      path: '/v1/tags',
      operation: {
        id: 'setTags',
        summary: 'Replace the tags of the node',
        query: { timeoutMs: duration },
        body: tagsSchema,
        answers: { 200: answers(tagsSchema, 'As others see them now') },
      },
      handle: setTags,
    }),
  ]
}

function members({ node }: Call): Response {
  const answer: MembersInfo = {
    self: node.name,
    viewHash: node.members.viewHash,
    digests: node.members.digests,
    members: node.members.list(),
    links: node.members.links(),
    heard: node.members.links().map((peer) => node.members.heard(peer)),
  }
  return json(answer)
}

async function converged(call: Call): Promise<Response> {
  const { name } = groupQuery(call)
  const signal = deadlineOf(call)
  const startedAt = performance.now()
  try {
    return json(await call.node.converged({ signal, group: name }))
  } catch (error) {
    // "Not within the time you gave" is an answer, not a failure.
    if (!signal.aborted || call.request.signal.aborted) throw error
  }
  const answer: ConvergedInfo = {
    converged: false,
    digest: call.node.digest(name),
    members: call.node.members.list().filter((member) => member.state === 'alive').length,
    digests: call.node.members.digests,
    elapsedMs: Math.round(performance.now() - startedAt),
  }
  return json(answer)
}

async function replicated(call: Call): Promise<Response> {
  const { replicas: wanted } = readQuery(call.url, REPLICAS)
  const { name } = groupQuery(call)
  const signal = deadlineOf(call)
  const startedAt = performance.now()
  try {
    const found = await call.node.replicated(wanted, { signal, group: name })
    const { replicas, elapsedMs } = found
    const told = { replicated: true, replicas, wanted, group: name, elapsedMs }
    return json(told satisfies ReplicatedAnswer)
  } catch (error) {
    // "Not within the time you gave" is an answer, not a failure.
    if (!signal.aborted || call.request.signal.aborted) throw error
  }
  const replicas = call.node.replicaCount(name)
  const answer: ReplicatedAnswer = {
    // Counted a moment later: they may just have got it.
    replicated: replicas >= wanted,
    replicas,
    wanted,
    group: name,
    elapsedMs: Math.round(performance.now() - startedAt),
  }
  return json(answer)
}

function tags({ node }: Call): Response {
  return json({ tags: node.members.self.tags } satisfies TagsAnswer)
}

async function setTags(call: Call, body: TagsAnswer): Promise<Response> {
  await call.node.members.setTags(body.tags, { signal: deadlineOf(call) })
  return tags(call)
}

function join({ node }: Call, { addresses }: JoinBody): Response {
  node.join(addresses)
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
