import type { Stream } from '@libp2p/interface'
import { encodeFrame, FrameReader } from './frame-reader.ts'
import type { Hello, HelloOutcome, HelloStep } from './hello.ts'
import { decodeHello, encodeHello, type HelloMessage } from './hello-messages.ts'
import { messageChunks } from './message-bytes.ts'
import { FRAME_BYTES_MAX } from './options.ts'

export interface ControlEvents {
  /** Once; a reply that belongs to it has been sent before. */
  outcome(outcome: HelloOutcome): void
  /** After admission. */
  message(message: HelloMessage): void
  malformed(reason: string): void
  /** The stream is gone, and with it the connection's use. */
  closed(): void
  sent(bytes: number): void
  received(bytes: number): void
}

/** Messages that may come while an invite is being redeemed here: the other end is through already. */
const EARLY_MAX = 16

/** The hello stream of one connection: admission first, then messages about the connection and about invites. */
export class ControlStream {
  readonly #stream: Stream
  readonly #hello: Hello
  readonly #events: ControlEvents
  #isAdmitted = false
  /** What has come since; undefined when nothing is waited for. */
  #early: Uint8Array[] | undefined

  /** Attaches its listeners at once: nothing may be awaited before. */
  constructor(stream: Stream, hello: Hello, events: ControlEvents) {
    this.#stream = stream
    this.#hello = hello
    this.#events = events
    const reader = new FrameReader(FRAME_BYTES_MAX.hello)
    stream.addEventListener('message', (event) => {
      for (const chunk of messageChunks(event)) {
        const isSound = reader.push(chunk, (body) => this.#receive(body))
        if (!isSound) {
          events.malformed('oversized hello frame')
          return
        }
      }
    })
    stream.addEventListener('remoteCloseWrite', () => events.closed())
    stream.addEventListener('close', () => events.closed())
  }

  /** Whether what admits the other end is on its way to the disk. */
  get isWaiting(): boolean {
    return this.#early !== undefined
  }

  start(): void {
    this.#apply(this.#hello.start())
  }

  /** Says it if the stream still can. @returns false when more should wait */
  send(message: HelloMessage): boolean {
    return this.#write(encodeHello(message))
  }

  #receive(body: Uint8Array): void {
    this.#events.received(body.length)
    if (this.#early === undefined) this.#take(body)
    else if (this.#early.length < EARLY_MAX) this.#early.push(body.slice())
    else this.#events.malformed('too many messages before admission')
  }

  #take(body: Uint8Array): void {
    if (!this.#isAdmitted) {
      this.#apply(this.#hello.receive(body))
      return
    }
    const decoded = decodeHello(body)
    if (decoded.ok) this.#events.message(decoded.value)
    else this.#events.malformed(`control message: ${decoded.reason}`)
  }

  #apply(step: HelloStep): void {
    if (step.wait !== undefined) {
      this.#early = []
      step.wait((next) => {
        const early = this.#early ?? []
        this.#early = undefined
        this.#apply(next)
        if (this.#isAdmitted) for (const body of early) this.#take(body)
      })
      return
    }
    if (step.reply !== undefined) this.#write(step.reply)
    if (step.outcome === undefined) return
    this.#isAdmitted = step.outcome.type === 'admitted'
    if (step.grant !== undefined) this.send({ type: 'grant', capability: step.grant })
    this.#events.outcome(step.outcome)
  }

  #write(body: Uint8Array): boolean {
    if (this.#stream.writeStatus !== 'writable') return false
    try {
      const hasRoom = this.#stream.send(encodeFrame(body))
      this.#events.sent(body.length)
      return hasRoom
    } catch {
      // The stream broke in between: its close event tells the wire.
      return false
    }
  }
}
