import { afterEach, expect, test } from 'vitest'
import { createLab, type Lab } from '../../src/lab/index.ts'

let lab: Lab | undefined

afterEach(async () => {
  await lab?.stop()
})

const within = (): { readonly signal: AbortSignal } => ({ signal: AbortSignal.timeout(20_000) })

test('status names who is behind, until they are not', async () => {
  lab = await createLab({ nodes: 3 })
  await lab.ready(within())
  const a = lab.node('a')
  const main = () => a.status().groups.find(({ name }) => name === 'main')
  await lab.until(() => main()?.state === 'converged', within())
  expect(main()?.behind).toEqual([])
  await lab.partition([['a', 'b'], ['c']])
  await a.set('s').add('x')
  await lab.until(() => main()?.behind.join() === 'c', within())
  expect(main()).toMatchObject({ state: 'spreading', behind: ['c'] })
  await lab.heal()
  await lab.until(() => main()?.state === 'converged', within())
  expect(main()).toMatchObject({ behind: [], unsynced: 0 })
})
