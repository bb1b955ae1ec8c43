/**
 * One file of the memory file system: its bytes, which of them are durable, and the handles on it.
 *
 * Beside crashes (a torn tail, bytes that were overwritten and come back) it knows the ways in which a disk lies: a bit
 * that flips, a write that lands elsewhere.
 */
import { StorageError, type FileHandle } from './file-system.ts'
import type { MemoryFileSystem } from './memory-file-system.ts'

export interface CrashOptions {
  /** Unsigned 32-bit numbers; decides how much of the unsynced bytes and names survives. Without it none does. */
  readonly random?: () => number
  /** A part of the surviving unsynced tail may read as zeros, as when a size is journalled before the data. */
  readonly zeroTails?: boolean
}

export interface Inode {
  data: Uint8Array
  size: number
  /** Bytes [0, syncedSize) of `durable ?? data` survive a crash. */
  syncedSize: number
  /** Copy of the synced bytes, made when one of them is about to change. */
  durable: Uint8Array | null
  /** How often bytes that were there have been changed or cut off. */
  overwrites: number
}

export function loseUnsynced(inode: Inode, { random, zeroTails }: CrashOptions): void {
  const durable = inode.durable
  if (durable) {
    // Overwritten bytes: the old ones or the new ones, as a whole.
    const keepNew = random !== undefined && random() % 2 === 1
    if (!keepNew) {
      inode.data = durable.slice()
      inode.size = inode.syncedSize
    }
  } else {
    const unsynced = inode.size - inode.syncedSize
    const kept = random && unsynced > 0 ? random() % (unsynced + 1) : 0
    inode.size = inode.syncedSize + kept
    if (zeroTails && random && kept > 0 && random() % 4 === 0) {
      inode.data.fill(0, inode.syncedSize + (random() % kept), inode.size)
    }
  }
  inode.durable = null
  inode.syncedSize = inode.size
}

export class MemoryHandle implements FileHandle {
  readonly path: string
  readonly inode: Inode
  readonly #fs: MemoryFileSystem
  readonly #generation: number
  #closed = false
  /** As of the last call that succeeded. */
  size: number

  constructor(fs: MemoryFileSystem, inode: Inode, path: string) {
    this.#fs = fs
    this.inode = inode
    this.path = path
    this.#generation = fs.generation
    this.size = inode.size
  }

  append(buffers: readonly Uint8Array[]): void {
    this.#alive()
    const total = buffers.reduce((sum, buffer) => sum + buffer.length, 0)
    const free = this.#fs.freeBytes()
    const code = this.#fs.fault?.('append', this.path) ?? (total > free ? 'ENOSPC' : undefined)
    let allowed = code === undefined ? total : code === 'ENOSPC' ? Math.min(free, total >> 1) : total >> 1
    let end = this.size
    for (const buffer of buffers) {
      const part = buffer.subarray(0, Math.min(buffer.length, allowed))
      this.#put(part, end)
      end += part.length
      allowed -= part.length
    }
    if (code !== undefined) throw new StorageError(code, this.path, 'append failed half-way')
    this.size = end
  }

  write(bytes: Uint8Array, position: number): void {
    this.#alive()
    this.#fs.check('write', this.path)
    if (position > this.inode.size) throw new StorageError('OTHER', this.path, `write at ${position} past the end`)
    if (position + bytes.length - this.inode.size > this.#fs.freeBytes())
      throw new StorageError('ENOSPC', this.path, 'full')
    this.#put(bytes, position)
    this.size = Math.max(this.size, position + bytes.length)
  }

  read(target: Uint8Array, at: number, length: number, position: number): number {
    this.#alive()
    this.#fs.check('read', this.path)
    const count = Math.max(0, Math.min(length, this.inode.size - position))
    if (count > 0) target.set(this.inode.data.subarray(position, position + count), at)
    return count
  }

  truncate(size: number): void {
    this.#alive()
    this.#fs.check('truncate', this.path)
    if (size >= this.inode.size) return
    this.#protect(size)
    this.inode.size = size
    this.size = size
  }

  sync(): void {
    this.#alive()
    this.#fs.check('sync', this.path)
    this.#fs.syncInode(this.inode)
  }

  close(): void {
    this.#closed = true
  }

  #put(bytes: Uint8Array, position: number): void {
    const elsewhere = this.#fs.redirect?.(this.path, position)
    if (elsewhere === undefined) return this.#store(bytes, position)
    this.#store(new Uint8Array(bytes.length), position)
    this.#store(bytes, Math.min(elsewhere, this.inode.size))
  }

  #store(bytes: Uint8Array, position: number): void {
    const { inode } = this
    this.#protect(position)
    const end = position + bytes.length
    if (end > inode.data.length) {
      const grown = new Uint8Array(Math.max(end, inode.data.length * 2, 256))
      grown.set(inode.data.subarray(0, inode.size))
      inode.data = grown
    }
    inode.data.set(bytes, position)
    inode.size = Math.max(inode.size, end)
  }

  /** Keeps what a crash would bring back before a byte at or past `position` changes. */
  #protect(position: number): void {
    const { inode } = this
    if (position < inode.size) inode.overwrites += 1
    if (inode.durable === null && position < inode.syncedSize) inode.durable = inode.data.slice(0, inode.syncedSize)
  }

  #alive(): void {
    if (this.#closed || this.#generation !== this.#fs.generation) {
      throw new StorageError('OTHER', this.path, 'the handle is closed')
    }
  }
}
