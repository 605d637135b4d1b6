/** Pieces as the body of an answer: each is made when it is asked for, and whoever hangs up ends their making. */
export function streamOf(
  pieces: Iterator<Uint8Array, void, void> | AsyncIterator<Uint8Array, void, void>,
): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        const step = await pieces.next()
        if (step.done === true) controller.close()
        else controller.enqueue(step.value)
      },
      cancel: async () => {
        await pieces.return?.()
      },
    },
    { highWaterMark: 0 },
  )
}

/** Texts as UTF-8. */
export async function* encoded(
  texts: AsyncIterable<string>,
): AsyncGenerator<Uint8Array, void, void> {
  const encoder = new TextEncoder()
  for await (const text of texts) yield encoder.encode(text)
}
