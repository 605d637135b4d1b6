import { describe, expect, test } from 'vitest'
import { disagreement, runUntilAgreement } from '../../src/sim/agreement.ts'
import { Cluster } from '../../src/sim/cluster.ts'
import { engineSubject } from '../../src/sim/engine-subject.ts'
import { Workload } from '../../src/sim/workload.ts'
import { World } from '../../src/sim/world.ts'

function clusterOf(nodes: number, seed: number): Cluster {
  return new Cluster({ world: new World(seed), nodes, subject: engineSubject })
}

describe('joining', { timeout: 120_000 }, () => {
  test.each([1, 2, 3])(
    'seed %i: 30 nodes that start at once with one seed agree within 10 s',
    (seed) => {
      const cluster = clusterOf(30, seed)
      cluster.startAll()
      expect(runUntilAgreement(cluster, 10_000), disagreement(cluster)).toBeDefined()
    },
  )

  test('50 nodes agree within 10 s, and on what 50 users write within 5 s more', () => {
    const cluster = clusterOf(50, 1)
    cluster.startAll()
    expect(runUntilAgreement(cluster, 10_000), disagreement(cluster)).toBeDefined()
    const workload = new Workload(cluster, 1_000)
    for (const node of cluster.nodes) {
      workload.call(node, { type: 'set-add', object: 'set', value: node.name })
    }
    expect(runUntilAgreement(cluster, 5_000), disagreement(cluster)).toBeDefined()
    expect(workload.oracle.acknowledged).toBe(50)
    expect(cluster.node(0).subject?.state().setValues('set')).toHaveLength(50)
  })

  test('a seed that starts a minute after those who need it is found', () => {
    const cluster = clusterOf(4, 1)
    for (const node of cluster.nodes.slice(1)) cluster.start(node, cluster.seedsOf(node))
    cluster.world.runUntil(60_000)
    expect(cluster.network.stats.dialsRefused).toBeGreaterThan(3)
    cluster.start(cluster.node(0))
    expect(runUntilAgreement(cluster, 10_000), disagreement(cluster)).toBeDefined()
  })

  test('nodes that join different members meet', () => {
    const cluster = clusterOf(6, 1)
    for (const node of cluster.nodes) {
      const before = cluster.nodes[node.index - 1]
      cluster.start(node, before === undefined ? [] : [before.host.address])
    }
    expect(runUntilAgreement(cluster, 10_000), disagreement(cluster)).toBeDefined()
  })

  test('two clusters that know nothing of each other merge when one member joins the other', () => {
    const cluster = clusterOf(6, 1)
    for (const node of cluster.nodes) {
      const seed = cluster.node(node.index < 3 ? 0 : 3)
      cluster.start(node, seed === node ? [] : [seed.host.address])
    }
    cluster.world.runUntil(5_000)
    const workload = new Workload(cluster, 1_000)
    for (const index of [1, 4]) {
      const node = cluster.node(index)
      workload.call(node, { type: 'counter-add', object: 'counter', amount: 1 })
    }
    cluster.world.runUntil(10_000)
    expect(cluster.node(2).subject?.members()).toHaveLength(3)
    cluster.node(5).subject?.join([cluster.node(2).host.address])
    expect(runUntilAgreement(cluster, 10_000), disagreement(cluster)).toBeDefined()
    expect(cluster.node(0).subject?.state().counter('counter')).toBe(2n)
  })
})
