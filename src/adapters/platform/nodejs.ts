// What a node takes from Node.js, in one place: a browser platform has the same four names.
export { createClock } from './clock.ts'
export { loadIdentity, readSeed, writeIdentity } from './nodejs-identity.ts'
export { createRandom } from './nodejs-random.ts'
export { createSigner } from './nodejs-signer.ts'
