/**
 * A file system in memory that forgets what was not synced: the disk of the tests and of the simulator.
 *
 * Bytes become durable by `sync`, names by `syncDirectory`; `crash` drops the rest, or a random part of it, so that
 * files end torn and renames are undone. Errors (EIO, ENOSPC) are injected per call or by a capacity; an append that
 * fails leaves a part.
 */
import { StorageError, type FileHandle, type FileSystem } from './file-system.ts'

/** The calls that a fault hook may fail. */
export type FileOperation =
  | 'open'
  | 'append'
  | 'write'
  | 'read'
  | 'truncate'
  | 'sync'
  | 'rename'
  | 'unlink'
  | 'syncDirectory'

export interface CrashOptions {
  /** Unsigned 32-bit numbers; decides how much of the unsynced bytes and names survives. Without it none does. */
  readonly random?: () => number
  /** A part of the surviving unsynced tail may read as zeros, as when a size is journalled before the data. */
  readonly zeroTails?: boolean
}

interface Inode {
  data: Uint8Array
  size: number
  /** Bytes [0, syncedSize) of `durable ?? data` survive a crash. */
  syncedSize: number
  /** Copy of the synced bytes, made when one of them is about to change. */
  durable: Uint8Array | null
}

interface NameChange {
  readonly directories: readonly string[]
  apply(names: Map<string, Inode | null>): void
}

const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('/'))

export class MemoryFileSystem implements FileSystem {
  /** Path → inode, null for a directory. */
  #names = new Map<string, Inode | null>()
  #durableNames = new Map<string, Inode | null>()
  #pendingNames: NameChange[] = []
  #pendingSyncs: (() => void)[] = []
  generation = 0
  /** Bytes that fit; Infinity unless set. */
  capacity = Infinity
  /** Returns the error a call shall fail with. */
  fault: ((operation: FileOperation, path: string) => StorageError['code'] | undefined) | null = null
  /** Whether `syncLater` completes within the call; otherwise `completeSyncs` does. */
  readonly syncAtOnce: boolean
  syncs = 0
  /** The latest `replaceFileLater` of each path that has not come to its end. */
  readonly #replacing = new Map<string, symbol>()

  constructor(options: { syncAtOnce?: boolean } = {}) {
    this.syncAtOnce = options.syncAtOnce ?? false
  }

  open(path: string, options?: { mustExist?: boolean }): FileHandle {
    this.check('open', path)
    let inode = this.#names.get(path)
    if (inode === null) throw new StorageError('OTHER', path, 'is a directory')
    if (inode === undefined) {
      if (options?.mustExist) throw new StorageError('ENOENT', path, 'no such file')
      if (!this.#isDirectory(parentOf(path))) throw new StorageError('ENOENT', path, 'no such directory')
      inode = { data: new Uint8Array(0), size: 0, syncedSize: 0, durable: null }
      const created = inode
      this.#change([parentOf(path)], (names) => names.set(path, created))
    }
    return new MemoryHandle(this, inode, path)
  }

  exists(path: string): boolean {
    return this.#names.has(path) || this.#isDirectory(path)
  }

  list(directory: string): string[] {
    const prefix = `${directory}/`
    const found = new Set<string>()
    for (const path of this.#names.keys()) {
      if (path.startsWith(prefix)) found.add(path.slice(prefix.length).split('/', 1)[0])
    }
    return [...found].sort()
  }

  makeDirectory(path: string): void {
    if (this.#isDirectory(path)) return
    if (parentOf(path) !== '') this.makeDirectory(parentOf(path))
    this.#change([parentOf(path)], (names) => names.set(path, null))
  }

  rename(from: string, to: string): void {
    this.check('rename', from)
    if (!this.#names.has(from)) throw new StorageError('ENOENT', from, 'no such file')
    this.#change([parentOf(from), parentOf(to)], (names) => {
      for (const [path, inode] of Array.from(names)) {
        if (path !== from && !path.startsWith(`${from}/`)) continue
        names.delete(path)
        names.set(to + path.slice(from.length), inode)
      }
    })
  }

  unlink(path: string): void {
    this.check('unlink', path)
    if (!this.#names.has(path)) throw new StorageError('ENOENT', path, 'no such file')
    this.#change([parentOf(path)], (names) => names.delete(path))
  }

  removeTree(path: string): void {
    this.check('unlink', path)
    this.#change([parentOf(path)], (names) => {
      for (const name of Array.from(names.keys())) if (name === path || name.startsWith(`${path}/`)) names.delete(name)
    })
  }

  readFile(path: string): Uint8Array | undefined {
    this.check('read', path)
    const inode = this.#names.get(path)
    return inode ? inode.data.slice(0, inode.size) : undefined
  }

  replaceFile(path: string, bytes: Uint8Array): void {
    const temporary = `${path}.tmp`
    this.#replacing.delete(path)
    if (this.#names.has(temporary)) this.unlink(temporary)
    const handle = this.open(temporary)
    handle.append([bytes])
    handle.sync()
    this.rename(temporary, path)
    this.syncDirectory(parentOf(path))
  }

  replaceFileLater(path: string, bytes: Uint8Array, done: (error: StorageError | null) => void): void {
    const turn = Symbol(path)
    this.#replacing.set(path, turn)
    const { generation } = this
    const content = bytes.slice()
    const complete = (): void => {
      if (generation !== this.generation) return
      try {
        if (this.#replacing.get(path) === turn) this.replaceFile(path, content)
        done(null)
      } catch (error) {
        if (!(error instanceof StorageError)) throw error
        done(error)
      }
    }
    if (this.syncAtOnce) complete()
    else this.#pendingSyncs.push(complete)
  }

  syncDirectory(path: string): void {
    this.check('syncDirectory', path)
    this.syncs += 1
    // The path to the directory itself is durable with it.
    const rest: NameChange[] = []
    for (const change of this.#pendingNames) {
      if (
        change.directories.some(
          (directory) => directory === path || path.startsWith(`${directory}/`) || directory === '',
        )
      ) {
        change.apply(this.#durableNames)
      } else rest.push(change)
    }
    this.#pendingNames = rest
  }

  syncLater(handles: readonly FileHandle[], done: (error: StorageError | null) => void): void {
    const inodes = handles.map((handle) => {
      const { inode } = handle as MemoryHandle
      return { inode, path: handle.path, size: inode.size }
    })
    const generation = this.generation
    const complete = (): void => {
      if (generation !== this.generation) return
      try {
        for (const { inode, path, size } of inodes) {
          this.check('sync', path)
          this.#syncedBefore(inode, size)
        }
        done(null)
      } catch (error) {
        if (!(error instanceof StorageError)) throw error
        done(error)
      }
    }
    if (this.syncAtOnce) complete()
    else this.#pendingSyncs.push(complete)
  }

  /** Runs the syncs asked for by `syncLater` so far. */
  completeSyncs(): void {
    for (const complete of this.#pendingSyncs.splice(0)) complete()
  }

  /** Power loss: handles become useless, pending syncs never complete, names and bytes fall back to what is durable. */
  crash(options: CrashOptions = {}): void {
    const random = options.random
    this.generation += 1
    this.#pendingSyncs = []
    const survivors = random ? random() % (this.#pendingNames.length + 1) : 0
    for (const change of this.#pendingNames.splice(0).slice(0, survivors)) change.apply(this.#durableNames)
    const inodes = new Set(this.#durableNames.values())
    for (const inode of inodes) if (inode) loseUnsynced(inode, options)
    this.#names = new Map(this.#durableNames)
  }

  /** The process dies, the machine lives: handles become useless, all bytes and names stay. */
  kill(): void {
    this.generation += 1
    this.#pendingSyncs = []
  }

  check(operation: FileOperation, path: string): void {
    const code = this.fault?.(operation, path)
    if (code) throw new StorageError(code, path, `injected on ${operation}`)
  }

  usedBytes(): number {
    let used = 0
    for (const inode of this.#names.values()) used += inode?.size ?? 0
    return used
  }

  freeBytes(): number {
    if (this.capacity === Infinity) return Infinity
    return Math.max(0, this.capacity - this.usedBytes())
  }

  syncInode(inode: Inode): void {
    this.syncs += 1
    inode.durable = null
    inode.syncedSize = inode.size
  }

  /**
   * A background sync that began when the file had `size` bytes is done. What was overwritten since may not be on the
   * disk.
   */
  #syncedBefore(inode: Inode, size: number): void {
    this.syncs += 1
    if (inode.durable === null) inode.syncedSize = Math.max(inode.syncedSize, Math.min(size, inode.size))
  }

  #isDirectory(path: string): boolean {
    return path === '' || this.#names.get(path) === null
  }

  #change(directories: string[], apply: (names: Map<string, Inode | null>) => unknown): void {
    const change = { directories, apply: (names: Map<string, Inode | null>): void => void apply(names) }
    change.apply(this.#names)
    this.#pendingNames.push(change)
  }
}

function loseUnsynced(inode: Inode, { random, zeroTails }: CrashOptions): void {
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

class MemoryHandle implements FileHandle {
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
    if (inode.durable === null && position < inode.syncedSize) inode.durable = inode.data.slice(0, inode.syncedSize)
  }

  #alive(): void {
    if (this.#closed || this.#generation !== this.#fs.generation) {
      throw new StorageError('OTHER', this.path, 'the handle is closed')
    }
  }
}
