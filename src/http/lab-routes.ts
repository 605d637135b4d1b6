import { HearsayError, type HearsayNode } from '../index.ts'
import type { ChaosControl, LabControl } from '../lab/lab-types.ts'
import { readJsonObject } from './body.ts'
import { type Call, json, matches, type Route } from './call.ts'
import { checked } from './checked.ts'
import { requireJson } from './guard.ts'
import { nodeChaos } from './node-chaos.ts'
import { answers, readQuery } from './operation.ts'
import { invalid, notFound, RequestFault } from './problem.ts'
import { chaosActionSchema, chaosDoneSchema, labSchema } from './schemas/lab-schemas.ts'
import { anyText } from './schemas/query-fields.ts'
import type { ChaosAction } from './shapes.ts'

const NODES_PREFIX = '/v1/lab/nodes/'
const LAB = { members: anyText }
const METHODS = ['GET', 'PUT', 'POST', 'DELETE'] as const

/**
 * `POST /v1/chaos` where faults are enabled; in a demo `GET /v1/lab` and, through any node of it,
 * `/v1/lab/nodes/{name}/v1/…`.
 * @param inner the routes that are served through other nodes
 */
export function labRoutes(lab: LabControl | undefined, inner: readonly Route[]): readonly Route[] {
  return [
    {
      method: 'POST',
      path: '/v1/chaos',
      operation: {
        id: 'chaos',
        summary: 'Inject a fault, where faults are enabled',
        body: chaosActionSchema,
        answers: { 200: answers(chaosDoneSchema, 'Done') },
      },
      handle: (call) => chaos(call, lab),
    },
    {
      method: 'GET',
      path: '/v1/lab',
      operation: {
        id: 'lab',
        summary: 'All nodes of a demo, and its faults',
        query: LAB,
        answers: { 200: answers(labSchema, 'As it is now') },
      },
      handle: ({ url }) => labInfo(lab, url),
    },
    ...METHODS.map((method): Route => {
      const operation = {
        id: `lab-${method.toLowerCase()}`,
        summary:
          'Any request under /v1 to another node of a demo: its path goes on as that one does',
        path: `${NODES_PREFIX}{name}/{path}`,
        answers: { 200: { description: 'What that node answers', media: ['*/*'] } },
      }
      const handle = (call: Call): Response | Promise<Response> => through(call, lab, inner)
      return { method, path: `${NODES_PREFIX}*`, carriesValue: true, operation, handle }
    }),
  ]
}

/** `?members=false` leaves out every node's list of all others, which grows with their square. */
function labInfo(lab: LabControl | undefined, url: URL): Response {
  const info = labOf(lab).info()
  if (readQuery(url, LAB).members !== 'false') return json(info)
  return json({ ...info, nodes: info.nodes.map((node) => ({ ...node, members: [] })) })
}

function labOf(lab: LabControl | undefined): LabControl {
  if (lab !== undefined) return lab
  throw notFound('Cannot show a lab: this node runs on its own', 'Start one with "hearsay demo"')
}

/** The same request, as if another node of the demo had been asked. */
async function through(
  call: Call,
  lab: LabControl | undefined,
  inner: readonly Route[],
): Promise<Response> {
  const control = labOf(lab)
  const [, encoded = '', path = ''] =
    /^\/v1\/lab\/nodes\/([^/]+)(\/.*)$/.exec(call.url.pathname) ?? []
  const url = new URL(call.url)
  url.pathname = path
  const { method } = call.request
  const route = inner.find((one) => one.method === method && matches(one, url.pathname))
  if (route === undefined) throw notFound('Cannot find this path at a node of the demo')
  return route.handle({ ...call, url, node: runningNode(control, restOfName(encoded)) })
}

function restOfName(encoded: string): string {
  try {
    return decodeURIComponent(encoded)
  } catch {
    throw invalid(`Cannot decode the path: bad percent encoding: ${encoded.slice(0, 200)}`)
  }
}

function runningNode(lab: LabControl, name: string): HearsayNode {
  const node = lab.running(name)
  if (node !== undefined) return node
  const hint = 'GET /v1/lab lists the nodes of the demo and which of them run'
  throw new HearsayError('ERR_NOT_FOUND', `Cannot find a node that runs: ${name.slice(0, 200)}`, {
    hint,
  })
}

async function chaos(call: Call, lab: LabControl | undefined): Promise<Response> {
  const own = call.node.chaos
  const control = lab ?? (own === undefined ? undefined : nodeChaos(call.node, own))
  if (control === undefined) {
    throw new RequestFault(
      403,
      'ERR_FORBIDDEN',
      'Cannot inject faults: this node does not allow it',
      {
        hint: 'Start the node with --chaos, or use "hearsay demo"',
      },
    )
  }
  requireJson(call.request)
  const action = checked(chaosActionSchema, await readJsonObject(call.request), 'the body')
  await run(control, action)
  return json({ ok: true, ...action })
}

async function run(control: ChaosControl, action: ChaosAction): Promise<void> {
  switch (action.action) {
    case 'partition':
      return control.partition(action.sides)
    case 'heal':
      return control.heal()
    case 'loss':
      return control.loss(action.share)
    case 'latency':
      return control.latency(action.ms)
    case 'kill':
    case 'restart':
    case 'pause':
    case 'resume':
      return control[action.action](action.name)
  }
}
