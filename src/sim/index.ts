export { engineSubject } from './engine-subject.ts'
export { MaelstromNode, type MaelstromOptions } from './maelstrom/node.ts'
export { MAELSTROM_WORKLOADS, type MaelstromWorkload } from './maelstrom/workload.ts'
export {
  type FigureReport,
  type MemberRun,
  memberRepeatCommand,
  nodesOf,
  playMembers,
  reportMembers,
  type ScenarioReport,
} from './members/play.ts'
export type { Bound, Scenario } from './members/scenario.ts'
export { SCENARIOS, scenarioOf } from './members/scenarios.ts'
export type { LaneRates, Stage } from './members/stage.ts'
export { type SimulationOptions, type SimulationReport, simulate } from './run.ts'
