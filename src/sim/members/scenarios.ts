import type { Scenario } from './scenario.ts'
import { BROADCASTS } from './scenarios/broadcasts.ts'
import { CHURN } from './scenarios/churn.ts'
import { DEATHS } from './scenarios/deaths.ts'
import { HOSTILITY } from './scenarios/hostility.ts'
import { PARTITIONS } from './scenarios/partitions.ts'
import { SLOWNESS } from './scenarios/slowness.ts'

/** Everything that the simulator lets happen to members, in the order of reports. */
export const SCENARIOS: readonly Scenario[] = [
  ...DEATHS,
  ...SLOWNESS,
  ...PARTITIONS,
  ...CHURN,
  ...BROADCASTS,
  ...HOSTILITY,
]

export function scenarioOf(name: string): Scenario | undefined {
  return SCENARIOS.find((scenario) => scenario.name === name)
}
