import * as z from 'zod'

/**
 * An object with exactly the fields of T: the compiler speaks when one of both has changed. It lets further
 * fields pass and drops them, since later versions may add some.
 */
export function objectOf<T>(
  fields: {
    readonly [Key in keyof T]-?: object extends Pick<T, Key>
      ? z.ZodExactOptional<z.ZodType<T[Key]>>
      : z.ZodType<T[Key]>
  },
): z.ZodType<T> {
  // The fields are checked one by one above; that they make up T is what the compiler cannot follow.
  return z.object(fields) as unknown as z.ZodType<T>
}

/** A field that may be absent, but never undefined. */
export function maybe<T>(schema: z.ZodType<T>): z.ZodExactOptional<z.ZodType<T>> {
  return z.exactOptional(schema)
}

/** Text, as a type that is made in one place only, such as a peer id. */
export function branded<T extends string>(): z.ZodType<T> {
  return z.string() as unknown as z.ZodType<T>
}
