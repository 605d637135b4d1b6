import { type Call, json, type Route, restOfPath } from './call.ts'
import { answers, jsonRoute } from './operation.ts'
import {
  inviteBodySchema,
  inviteListSchema,
  inviteSchema,
  revokedSchema,
} from './schemas/invite-schemas.ts'
import type { InviteBody } from './shapes.ts'

const PREFIX = '/v1/invites/'

/** `GET` and `POST /v1/invites`, `DELETE /v1/invites/{id}`: on nodes that have the network key. */
export function inviteRoutes(): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/invites',
      operation: {
        id: 'invites',
        summary: 'Who may join a private network: invites that are alive, and what was revoked',
        answers: { 200: answers(inviteListSchema, 'What this node knows: no secrets') },
      },
      handle: async ({ node }) => json(await node.invites.list()),
    },
    jsonRoute({
      method: 'POST',
      path: '/v1/invites',
      operation: {
        id: 'invite',
        summary: 'Invite somebody into a private network',
        body: inviteBodySchema,
        answers: { 200: answers(inviteSchema, 'The invite: a secret unless it is for one peer') },
      },
      handle: invite,
    }),
    {
      method: 'DELETE',
      path: `${PREFIX}*`,
      operation: {
        id: 'revoke',
        summary: 'Take back an invite, or all that a peer was given',
        path: '/v1/invites/{id}',
        answers: { 200: answers(revokedSchema, 'Durable here, and on its way to all members') },
      },
      handle: revoke,
    },
  ]
}

async function invite({ node }: Call, body: InviteBody): Promise<Response> {
  return json(await node.invites.create(body))
}

async function revoke({ node, url }: Call): Promise<Response> {
  return json(await node.invites.revoke(restOfPath(url, PREFIX)))
}
