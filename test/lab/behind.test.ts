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

test('status names who is behind in each group, of those that are linked', async () => {
  lab = await createLab({ nodes: 2 })
  await lab.ready(within())
  const a = lab.node('a')
  const group = (name: string) => a.status().groups.find((each) => each.name === name)
  const areBothEqual = () => ['main', 'team'].every((name) => group(name)?.state === 'converged')
  await a.set('s').add('x')
  for (let round = 0; ; round++) {
    await a.group('team').set('s').add(`x${round}`)
    await lab.until(areBothEqual, within())
    await lab.pause('b')
    await a.group('team').set('s').add(`y${round}`)
    expect(group('team')).toMatchObject({ state: 'spreading', behind: ['b'] })
    // What b has told of each group may be a second old: then it is named in both, and asked again.
    if (group('main')?.state === 'converged') break
    expect(round).toBeLessThan(1_000)
    await lab.resume('b')
    await lab.until(areBothEqual, within())
  }
  expect(group('main')?.behind).toEqual([])
  await lab.resume('b')
  await lab.until(areBothEqual, within())
  expect(group('team')?.behind).toEqual([])
})
