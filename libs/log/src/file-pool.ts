/**
 * Files that are open while they are used and closed when too many are: thousands of segments, a bounded number of
 * descriptors.
 *
 * A `PooledFile` looks like a handle. It opens at its first use, knows its size once it has been open, and may be
 * renamed or unlinked. Least recently used files are closed in batches, so that the hot path pays one number per use.
 */
import { StorageError, type FileHandle, type FileSystem } from './file-system.ts'

const DEFAULT_LIMIT = 1024

export class FilePool {
  readonly fs: FileSystem
  readonly #limit: number
  readonly #open = new Set<PooledFile>()
  #clock = 0

  constructor(fs: FileSystem, limit = DEFAULT_LIMIT) {
    this.fs = fs
    this.#limit = limit
  }

  /** `mustExist`: a file that someone else may have moved away; opening it must not make an empty one. */
  file(path: string, options?: { mustExist?: boolean }): PooledFile {
    return new PooledFile(this, path, options)
  }

  get openFiles(): number {
    return this.#open.size
  }

  tick(): number {
    return ++this.#clock
  }

  opened(file: PooledFile): void {
    this.#open.add(file)
    if (this.#open.size > this.#limit) this.#evict(file)
  }

  closed(file: PooledFile): void {
    this.#open.delete(file)
  }

  /** fsync in the background. The files stay open until it is done, even when they are closed or unlinked meanwhile. */
  syncLater(files: readonly PooledFile[], done: (error: StorageError | null) => void): void {
    const handles = files.map((file) => file.pin())
    this.fs.syncLater(handles, (error) => {
      for (const file of files) file.unpin()
      done(error)
    })
  }

  /** Closes the least recently used quarter. */
  #evict(newest: PooledFile): void {
    const idle = [...this.#open].filter((file) => file !== newest && !file.isPinned)
    idle.sort((a, b) => a.usedAt - b.usedAt)
    for (const file of idle.slice(0, Math.max(1, this.#limit >> 2))) file.release()
  }
}

export class PooledFile {
  path: string
  usedAt = 0
  readonly #pool: FilePool
  readonly #options: { mustExist?: boolean } | undefined
  #handle: FileHandle | null = null
  #size = -1
  #gone = false
  /** Syncs under way. */
  #pins = 0
  #releaseWhenUnpinned = false

  constructor(pool: FilePool, path: string, options?: { mustExist?: boolean }) {
    this.#pool = pool
    this.#options = options
    this.path = path
  }

  /** Creates the file if it is missing and may be. */
  get handle(): FileHandle {
    this.usedAt = this.#pool.tick()
    const open = this.#handle
    if (open !== null) return open
    if (this.#gone) throw new StorageError('ENOENT', this.path, 'the file was deleted')
    const handle = this.#pool.fs.open(this.path, this.#options)
    this.#handle = handle
    this.#size = handle.size
    this.#pool.opened(this)
    return handle
  }

  /** Unlinked, or its directory was removed. */
  get isGone(): boolean {
    return this.#gone
  }

  get isPinned(): boolean {
    return this.#pins > 0
  }

  pin(): FileHandle {
    this.#pins += 1
    return this.handle
  }

  unpin(): void {
    this.#pins -= 1
    if (this.#pins === 0 && this.#releaseWhenUnpinned) this.release()
  }

  get size(): number {
    if (this.#handle !== null) return this.#handle.size
    return this.#size >= 0 ? this.#size : this.handle.size
  }

  append(buffers: readonly Uint8Array[]): void {
    this.handle.append(buffers)
  }

  write(bytes: Uint8Array, position: number): void {
    this.handle.write(bytes, position)
  }

  read(target: Uint8Array, at: number, length: number, position: number): number {
    return this.handle.read(target, at, length, position)
  }

  truncate(size: number): void {
    if (size < this.size) this.handle.truncate(size)
  }

  sync(): void {
    this.handle.sync()
  }

  rename(to: string): void {
    this.#pool.fs.rename(this.path, to)
    this.path = to
  }

  unlink(): void {
    if (this.#gone) return
    this.abandon()
    if (this.#pool.fs.exists(this.path)) this.#pool.fs.unlink(this.path)
  }

  /** Someone else moves or removes the file: it cannot be used any more. */
  abandon(): void {
    this.release()
    this.#gone = true
  }

  /** Closes the descriptor; the next use opens it again. */
  release(): void {
    const open = this.#handle
    this.#releaseWhenUnpinned = this.#pins > 0
    if (open === null || this.#releaseWhenUnpinned) return
    this.#size = open.size
    this.#handle = null
    this.#pool.closed(this)
    open.close()
  }
}
