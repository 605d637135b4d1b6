import { createHttpApi } from '../../src/http/api.ts'
import { createNode } from '../../src/index.ts'

const HEAD = `# HTTP API

Every node serves it on 127.0.0.1:7400 or the next free port; \`GET /openapi.json\` is the whole description, with the
schema of every request and answer, for generators and editors. Requests carry \`Authorization: Bearer TOKEN\` unless the
table says "open". Whatever goes wrong is answered with problem+json (RFC 9457), whose \`code\` is in [ERRORS.md](ERRORS.md).

| method | path | does | query | body | answer |
| ------ | ---- | ---- | ----- | ---- | ------ |
`
const BASE = 'http://localhost'

interface Described {
  readonly paths: { readonly [path: string]: { readonly [method: string]: Operation } }
}

type Content = Readonly<Record<string, { readonly schema?: { readonly $ref?: string } }>>

interface Operation {
  readonly summary: string
  readonly security?: readonly unknown[]
  readonly parameters?: readonly { readonly name: string; readonly in: string }[]
  readonly requestBody?: { readonly content: Content }
  readonly responses: Readonly<Record<string, { readonly content: Content }>>
}

/** docs/HTTP.md, of what a node says of itself. */
export async function httpPage(): Promise<string> {
  await using node = await createNode()
  const api = createHttpApi(node, { token: '' })
  const response = await api.fetch(new Request(`${BASE}/openapi.json`))
  const described: Described = JSON.parse(await response.text())
  api.close()
  const rows = Object.entries(described.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => row(method, path, operation)),
  )
  return `${HEAD}${rows.join('\n')}\n`
}

function row(method: string, path: string, operation: Operation): string {
  const { summary, security, parameters = [], requestBody, responses } = operation
  const query = parameters.filter((one) => one.in === 'query').map(({ name }) => `\`${name}\``)
  const [status = '', answer] = Object.entries(responses)[0] ?? []
  const cells = [
    method.toUpperCase(),
    `\`${path}\``,
    `${summary}${security === undefined ? '' : ' (open)'}`,
    query.join(' '),
    contentOf(requestBody?.content),
    `${status} ${contentOf(answer?.content)}`,
  ]
  return `| ${cells.join(' | ')} |`
}

/** The name of the schema, of each part where it is a stream, or the media types. */
function contentOf(content: Content | undefined): string {
  return Object.entries(content ?? {})
    .map(([type, { schema }]) => {
      const name = schema?.$ref?.split('/').at(-1)
      if (name === undefined) return type
      return type === 'application/json' ? name : `${name} in ${type}`
    })
    .join(', ')
}
