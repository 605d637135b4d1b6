import { expect, test } from 'vitest'
import { interopOptions } from '../../scripts/interop/options.ts'
import { countRows, exitCode, type InteropRow, resultText } from '../../scripts/interop/result.ts'

const passed: InteropRow = { peer: 'js', what: 'put here, get there', outcome: 'passed', ms: 12 }
const failed: InteropRow = { ...passed, outcome: 'failed', why: 'nothing found' }
const skipped: InteropRow = {
  peer: 'go',
  what: passed.what,
  outcome: 'skipped',
  why: 'go is not here',
}

test('interopOptions() takes all kinds, or those named in the order of the table', () => {
  expect(interopOptions([])).toEqual({ kinds: ['js', 'go', 'rust'], isJson: false })
  const named = interopOptions(['--peer', 'rust', '--peer', 'js', '--json'])
  expect(named).toEqual({ kinds: ['js', 'rust'], isJson: true })
})

test.each([[['--peer', 'perl']], [['--quick']], [['js']]])(
  'interopOptions() refuses %j',
  (parameters) => {
    expect(() => interopOptions(parameters)).toThrow(TypeError)
  },
)

test('what is skipped counts neither as passed nor as failed', () => {
  expect(countRows([passed, failed, skipped])).toEqual({ passed: 1, failed: 1, skipped: 1 })
  expect([exitCode([passed, skipped]), exitCode([passed, failed, skipped])]).toEqual([0, 1])
})

test('resultText() says what was skipped, what failed and why', () => {
  expect(resultText({ versions: { js: 'libp2p 3' }, rows: [passed, failed, skipped] })).toBe(
    [
      'js  put here, get there  passed                   12 ms',
      'js  put here, get there  FAILED: nothing found    12 ms',
      'go  put here, get there  skipped: go is not here',
      '',
      'js: libp2p 3',
      '1 passed, 1 failed, 1 skipped',
    ].join('\n'),
  )
})
