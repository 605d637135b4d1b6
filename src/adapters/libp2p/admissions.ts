import type { Connection } from '@libp2p/interface'
import { NotAdmittedError } from './dial-end.ts'
import type { Wire } from './wire.ts'

/** Which libp2p connections have passed the hello: what serves only admitted peers asks here. */
export class Admissions {
  readonly #wires = new Map<string, Wire>()

  /** Connections, admitted or not. */
  get count(): number {
    return this.#wires.size
  }

  add(wire: Wire): void {
    this.#wires.set(wire.connection.id, wire)
  }

  remove(wire: Wire): void {
    this.#wires.delete(wire.connection.id)
  }

  of(connection: Connection): Wire | undefined {
    return this.#wires.get(connection.id)
  }

  isAdmitted(connection: Connection): boolean {
    return this.of(connection)?.isAdmitted === true
  }

  /** Waits for the outcome of a connection's hello. @throws {NotAdmittedError} */
  async admitted(connection: Connection): Promise<Wire> {
    const wire = this.of(connection)
    if (wire === undefined) throw new NotAdmittedError('closed', 'The connection is closed')
    return await wire.admitted()
  }

  all(): readonly Wire[] {
    return [...this.#wires.values()]
  }
}
