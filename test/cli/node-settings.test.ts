import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { nodeOptions } from '../../src/cli/node-settings.ts'
import { Settings } from '../../src/cli/verb.ts'
import { testIo } from './test-io.ts'

test('every flag of up that a node knows reaches it', async () => {
  const options = await nodeOptions(
    new Settings({
      name: 'ada',
      dataDir: join('some', 'data'),
      profile: 'wan',
      listen: ['/ip4/0.0.0.0/tcp/4001/ws'],
      announce: ['/dns4/node.example/tcp/443/tls/ws'],
      webOrigin: ['https://app.example'],
      join: ['ws://node.example'],
      network: 'own',
      replication: 3,
      durability: 'relaxed',
      open: true,
      chaos: true,
      tag: ['a=1', 'b=2=3'],
    }),
    testIo(),
  )
  expect(options).toEqual({
    name: 'ada',
    dataDir: resolve('some', 'data'),
    profile: 'wan',
    listen: ['/ip4/0.0.0.0/tcp/4001/ws'],
    announce: ['/dns4/node.example/tcp/443/tls/ws'],
    origins: ['https://app.example'],
    join: ['ws://node.example'],
    network: 'own',
    replication: 3,
    durability: 'relaxed',
    open: true,
    chaos: true,
    tags: { a: '1', b: '2=3' },
  })
})

test('what is not said is left to the node', async () => {
  expect(await nodeOptions(new Settings({}), testIo())).toEqual({
    open: false,
    chaos: false,
    tags: {},
  })
})
