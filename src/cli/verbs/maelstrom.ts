import { randomBytes } from 'node:crypto'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { Option } from 'commander'
import { MAELSTROM_WORKLOADS, MaelstromNode } from '../../sim/index.ts'
import type { Verb } from '../verb.ts'

const SEED_WORDS = 4

export const verb: Verb = {
  examples: [
    ['hearsay maelstrom --workload broadcast', 'what --bin of a Maelstrom test runs'],
    ['hearsay maelstrom', 'learns its workload from the first requests'],
  ],
  build(command, act) {
    command.addOption(
      new Option(
        '--workload <name>',
        'what is asked (default: told by the first requests)',
      ).choices([...MAELSTROM_WORKLOADS]),
    )
    act(command, async ({ context, settings }) => {
      const { stdin, stdout } = context.io
      const words = new Uint32Array(new Uint8Array(randomBytes(SEED_WORDS * 4)).buffer)
      const wanted = settings.text('workload')
      const node = new MaelstromNode({
        seed: [...words],
        workload: MAELSTROM_WORKLOADS.find((name) => name === wanted),
        send: (line) => stdout.write(`${line}\n`),
        now: Date.now,
        schedule: (delayMs, run) => void setTimeout(run, delayMs),
      })
      // Nobody who has gone reads what it answers.
      const input = Readable.from(stdin)
      context.io.closed.addEventListener('abort', () => input.destroy(), { once: true })
      try {
        for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
          if (line !== '' && !node.receive(line)) context.print.note(`note: no message: ${line}`)
        }
      } finally {
        node.stop()
      }
      await stdout.flush()
      return undefined
    })
  },
}
