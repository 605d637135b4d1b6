import { defineConfig, type ViteUserConfig } from 'vitest/config'

/** All cores, or dozens of processes that watch each other: beside another file all would only wait. */
const HEAVY = [
  'test/e2e/network.test.ts',
  'test/lab/large.test.ts',
  'test/mutants/*.test.ts',
  'test/replication/fast.test.ts',
]
/** A few processes each, which mostly wait for each other: two files fill two cores, beside others they starve. */
const PROCESSES = ['test/browser/*.test.ts', 'test/e2e/*.test.ts']

const config: ViteUserConfig = defineConfig({
  test: {
    // Against tests that hang: how long the others take is for the machine to say.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // Node.js runs the source as it is, so nothing need be transformed: a fifth less time, and the
    // tests run what users run.
    experimental: { viteModuleRunner: false },
    projects: [
      {
        extends: true,
        test: {
          name: 'main',
          include: ['test/**/*.test.ts'],
          exclude: [...PROCESSES, ...HEAVY],
          // Two cores: more workers only make the real-socket tests fight each other.
          // Modules hold no state, so files share those that a worker has loaded: loading took a third of the time.
          isolate: false,
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'processes',
          include: PROCESSES,
          exclude: HEAVY,
          globalSetup: 'test/e2e/installed.ts',
          isolate: false,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'heavy',
          include: HEAVY,
          globalSetup: 'test/e2e/installed.ts',
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
})
export default config
