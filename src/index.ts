export { type ErrorCode, HearsayError, QuorumError } from './base/errors.ts'
export type { PeerId } from './base/ids.ts'
export type * from './node/node-types.ts'
