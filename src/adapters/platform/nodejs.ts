// What a node takes from Node.js, in one place: browser.ts has the same names.
export { createClock } from './clock.ts'
export { loadIdentity, readSeed, writeIdentity } from './nodejs-identity.ts'
export { createSigner } from './nodejs-signer.ts'
export { createRandom } from './random.ts'
