import { expect } from 'vitest'
import * as z from 'zod'
import { COMPONENTS } from '../../src/http/schemas/components.ts'

const text = z.string()
const count = z.int().min(0)
/** Unix ms, with fractions. */
const at = z.number().min(0)
const names = z.array(text)
const json = z.unknown().refine((value) => value !== undefined)

const backup = {
  file: text,
  format: count,
  name: text,
  peerId: text,
  network: text,
  version: text,
  createdAt: z.iso.datetime(),
  rows: count,
  bytes: count,
  damaged: count,
}

const diff = z.union([
  z.strictObject({ value: z.union([z.int(), text]), delta: z.union([z.int(), text]) }),
  z.strictObject({ added: names, removed: names }),
  z.strictObject({ value: z.unknown().optional(), siblings: z.array(json) }),
  z.strictObject({
    set: z.array(z.strictObject({ path: names, value: json })),
    removed: z.array(names),
  }),
  z.strictObject({ reset: z.literal(true) }),
])

const change = z
  .looseObject({
    cursor: text,
    at,
    object: text,
    type: z.enum(['counter', 'set', 'register', 'map']),
    group: text,
    origin: z.enum(['local', 'remote']),
  })
  .refine(({ cursor, at: _at, object, type, group, origin, ...rest }) => {
    return diff.safeParse(rest).success
  }, 'a change with its diff')

const step = z.looseObject({ step: text })
const result = z.strictObject({
  ok: z.literal(true),
  nodes: count,
  readyMs: count,
  partition: z.strictObject({ sides: z.array(names), digests: z.literal(2) }),
  heal: z.strictObject({
    convergedMs: count,
    digest: text,
    lost: z.literal(0),
    syncBytes: count,
  }),
  dht: z.strictObject({ putMs: z.number(), getMs: z.number(), acks: count }),
})

const ready = z.strictObject({
  event: z.literal('ready'),
  name: text,
  peerId: text,
  network: text,
  listen: names,
  api: z.url(),
  tokenFile: text,
  dataDir: z.union([text, z.null()]),
})

const figure = z.looseObject({
  figure: text,
  p50: z.number(),
  p99: z.number(),
  max: z.number(),
  worstSeed: z.int(),
})

const errorEntry = z.strictObject({
  code: text,
  exit: count,
  status: z.union([count, z.null()]),
  what: text,
  why: text,
  next: text,
})

/** What only the command line prints; everything else is an answer of the API. */
const SHAPES: Readonly<Record<string, z.ZodType>> = {
  backup: z.strictObject(backup),
  bench: z.looseObject({
    machine: text,
    nodejs: text,
    at: z.iso.datetime(),
    members: z.array(z.looseObject({ label: text, bytes: z.number() })),
  }),
  'config-checked': z.strictObject({ ok: z.literal(true), file: z.union([text, z.null()]) }),
  doctor: z.strictObject({
    ok: z.boolean(),
    checks: z.array(
      z.strictObject({
        check: text,
        state: z.enum(['ok', 'warning', 'failure']),
        message: text,
        hint: z.exactOptional(text),
      }),
    ),
  }),
  error: z.strictObject({
    error: z.strictObject({ code: z.string().regex(/^E[A-Z_]+$/), message: text, hint: text }),
  }),
  'error-entry': errorEntry,
  errors: z.strictObject({ errors: z.array(errorEntry) }),
  'invite-file': z.strictObject({
    file: text,
    id: text,
    network: text,
    role: z.enum(['member', 'observer']),
    expiresAt: z.iso.datetime(),
  }),
  joining: z.strictObject({ joining: names }),
  'json-schema': z.looseObject({ $schema: text, type: z.literal('object') }),
  key: z.strictObject({ key: z.string().regex(/^[\w-]{43}$/) }),
  'key-file': z.strictObject({ file: text }),
  restore: z.strictObject({ ...backup, dataDir: text }),
  scenarios: z.strictObject({
    scenarios: z.array(z.strictObject({ name: text, about: text })),
  }),
  script: z.strictObject({ shell: z.enum(['bash', 'zsh', 'fish']), script: text }),
  settings: z.strictObject({
    settings: z.record(text, json),
    origins: z.exactOptional(z.record(text, z.enum(['flag', 'environment', 'config', 'default']))),
  }),
  sim: z.strictObject({
    ok: z.literal(true),
    seeds: count,
    violations: names,
    missed: names,
    scenarios: z.array(z.looseObject({ scenario: text, nodes: count, figures: z.array(figure) })),
  }),
  top: z.looseObject({ self: text, members: z.array(json), traffic: json, states: count }),
  version: z.strictObject({
    version: text,
    node: text,
    protocols: z.exactOptional(z.array(z.strictObject({ name: text, protocol: count }))),
  }),
  words: z.strictObject({ words: names }),
}

/** One JSON object a line: what each line is, and in some the last one. */
const STREAMS: Readonly<Record<string, { readonly line: z.ZodType; readonly last?: z.ZodType }>> = {
  changes: {
    line: z.union([
      z.strictObject({ type: z.literal('reset'), cursor: text, at, reset: z.literal(true) }),
      change,
    ]),
  },
  demo: { line: step, last: result },
  exports: {
    line: z.strictObject({
      group: text,
      name: text,
      type: z.enum(['counter', 'set', 'register', 'map']),
      path: z.exactOptional(names),
      value: json,
      siblings: z.exactOptional(z.array(json)),
    }),
  },
  maelstrom: {
    line: z.strictObject({ src: text, dest: text, body: z.looseObject({ type: text }) }),
  },
  'member-moments': {
    line: z.strictObject({ at, name: text, peerId: text, state: text, evidence: text }),
  },
  'node-events': {
    line: z.union([
      ready,
      z
        .looseObject({ event: text, at })
        .refine(
          ({ event: type, ...rest }) => COMPONENTS.Event?.safeParse({ type, ...rest }).success,
          'an event',
        ),
    ]),
  },
}

/** `nothing`, or the name of an answer of the API, of a shape of the command line, or of a stream of lines. */
export type Output = string

/** Fails unless what a verb printed is what it says it prints. */
export function expectOutput(output: Output, printed: string, where: string): void {
  if (output === 'nothing') {
    expect(printed, where).toBe('')
    return
  }
  const stream = STREAMS[output]
  if (stream === undefined) {
    expectShape(COMPONENTS[output] ?? SHAPES[output], JSON.parse(printed), where)
    return
  }
  const lines = printed.trimEnd().split('\n')
  for (const [index, line] of lines.entries()) {
    const isLast = index === lines.length - 1 && stream.last !== undefined
    expectShape(isLast ? stream.last : stream.line, JSON.parse(line), where)
  }
}

function expectShape(schema: z.ZodType | undefined, value: unknown, where: string): void {
  expect(schema, `${where} has a shape`).toBeDefined()
  const parsed = schema?.safeParse(value)
  expect(parsed?.error?.issues ?? [], `${where}: ${JSON.stringify(value)}`).toEqual([])
  // Schemas of the API drop what they do not know.
  expect(value, where).toEqual(parsed?.data)
}
