import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmdirSync } from 'node:fs'
import { open, rm, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const MIB = 1_048_576
const FILLER = 'filler'

/** A file system of its own and of a given size, mounted for a test. */
export class SmallVolume {
  readonly path: string

  /** @throws when mounting is not possible here: see whyNoVolumes() */
  constructor(sizeMib: number) {
    this.path = mkdtempSync(join(tmpdir(), 'hearsay-volume-'))
    try {
      mount('-t', 'tmpfs', '-o', `size=${sizeMib}m`, 'tmpfs', this.path)
    } catch (error) {
      rmdirSync(this.path)
      throw error
    }
  }

  resize(sizeMib: number): void {
    mount('-o', `remount,size=${sizeMib}m`, this.path)
  }

  setReadOnly(isReadOnly: boolean): void {
    mount('-o', `remount,${isReadOnly ? 'ro' : 'rw'}`, this.path)
  }

  async freeBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(this.path)
    return bavail * bsize
  }

  /** Somebody else's file takes all room but so much. */
  async fill(leftBytes: number): Promise<void> {
    const file = await open(join(this.path, FILLER), 'a')
    try {
      const block = new Uint8Array(MIB)
      for (let rest = await this.freeBytes(); rest > leftBytes; rest = await this.freeBytes()) {
        await file.write(block.subarray(0, Math.min(MIB, rest - leftBytes)))
      }
    } finally {
      await file.close()
    }
  }

  /** That file is removed. */
  async clear(): Promise<void> {
    await rm(join(this.path, FILLER), { force: true })
  }

  unmount(): void {
    execFileSync('umount', ['-l', this.path], { stdio: 'pipe' })
    rmdirSync(this.path)
  }
}

/** Why this machine cannot mount a volume for a test; undefined: it can. */
export function whyNoVolumes(): string | undefined {
  try {
    new SmallVolume(1).unmount()
    return undefined
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error)
    return text.split('\n').at(1) ?? text
  }
}

function mount(...args: readonly string[]): void {
  execFileSync('mount', args, { stdio: 'pipe' })
}
