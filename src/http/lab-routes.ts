import type { ChaosControl, LabControl } from '../lab/lab-types.ts'
import { readJsonObject } from './body.ts'
import { type Call, json, type Route } from './call.ts'
import { parseChaosAction } from './chaos-action.ts'
import { requireJson } from './guard.ts'
import { nodeChaos } from './node-chaos.ts'
import { notFound, RequestFault } from './problem.ts'
import type { ChaosAction } from './shapes.ts'

/** `POST /v1/chaos` where faults are enabled, `GET /v1/lab` in a demo. */
export function labRoutes(lab: LabControl | undefined): readonly Route[] {
  return [
    { method: 'POST', path: '/v1/chaos', handle: (call) => chaos(call, lab) },
    { method: 'GET', path: '/v1/lab', handle: () => labInfo(lab) },
  ]
}

function labInfo(lab: LabControl | undefined): Response {
  if (lab !== undefined) return json(lab.info())
  throw notFound('Cannot show a lab: this node runs on its own', 'Start one with "hearsay demo"')
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
  const action = parseChaosAction(await readJsonObject(call.request))
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
