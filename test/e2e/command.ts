import { fileURLToPath } from 'node:url'

const CHECKOUT = fileURLToPath(new URL('../../bin/hearsay.js', import.meta.url))

/** The command `hearsay`: of the built package in tests (installed.ts), else of the checkout. */
export const BIN: string = process.env.TESTED_HEARSAY ?? CHECKOUT
