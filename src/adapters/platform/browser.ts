// What a node takes from a browser, in one place: nodejs.ts has the same names. The identity lies with the store.
export { createSigner } from './browser-signer.ts'
export { createClock } from './clock.ts'
export { createRandom } from './random.ts'
