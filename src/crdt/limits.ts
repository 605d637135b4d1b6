/** UTF-8 bytes of a group's or an object's name. */
export const NAME_BYTES_MAX: number = 1024
/** UTF-8 bytes of a set element, or of all components of a map path together. */
export const KEY_BYTES_MAX: number = 4096
/** UTF-8 bytes of a register's or leaf's value as JSON. */
export const VALUE_BYTES_MAX: number = 1 << 20
/** Components of a map path. */
export const PATH_DEPTH_MAX: number = 32
/** Nesting of arrays and objects in a value. */
export const JSON_DEPTH_MAX: number = 64
/** Operations of one local transaction. */
export const OPERATIONS_MAX: number = 4096
/** Bytes of a path with its components' lengths. */
export const PATH_BYTES_MAX: number = KEY_BYTES_MAX + 2 * PATH_DEPTH_MAX
/** Dots that one run may kill: bounds the work that must happen in one go. */
export const KILLS_MAX: number = 65_536
/** Events of one run, several transactions or a single one: bounds the work that must happen in one go. */
export const RUN_EVENTS_MAX: number = 16_384
/** Bytes of one run: a transaction of the largest size fits. */
export const RUN_BYTES_MAX: number = (8 << 20) + 65_536
/** Values that one operation adds or removes. */
export const VALUES_MAX: number = 16_384
/** Bytes of one encoded transaction: several values of the largest size fit. */
export const TRANSACTION_BYTES_MAX: number = 8 << 20
/** Writers a group can have had: two of its version vectors must fit one frame. */
export const REPLICAS_MAX: number = 4_096
