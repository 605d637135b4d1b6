import type { Case } from './case.ts'
import { memoryCases } from './memory.ts'
import { sizeCases } from './size.ts'
import { speedCases } from './speed.ts'
import { syncCases } from './sync.ts'

/** Everything that libraries are compared by, in the order of the table. */
export const CASES: readonly Case[] = [...speedCases, ...memoryCases, ...sizeCases, ...syncCases]
