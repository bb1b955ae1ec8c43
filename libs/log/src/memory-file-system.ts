/**
 * A file system in memory that forgets what was not synced: the disk of the tests and of the simulator.
 *
 * Bytes become durable by `sync`, names by `syncDirectory`; `crash` drops the rest, or a random part of it, so that
 * files end torn and renames are undone. Errors (EIO, ENOSPC) are injected per call or by a capacity; an append that
 * fails leaves a part.
 */
import { StorageError, type FileHandle, type FileSystem } from './file-system.ts'
import { MemoryHandle, loseUnsynced, type CrashOptions, type Inode } from './memory-file.ts'

export type { CrashOptions } from './memory-file.ts'

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
  /** Where the bytes of a write land instead, in the same file; the disk reports success. */
  redirect: ((path: string, position: number) => number | undefined) | null = null
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
      inode = { data: new Uint8Array(0), size: 0, syncedSize: 0, durable: null, overwrites: 0 }
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
      const file = names.get(from)
      if (file) {
        names.delete(from)
        names.set(to, file)
        return
      }
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
      return { inode, path: handle.path, size: inode.size, overwrites: inode.overwrites }
    })
    const generation = this.generation
    const complete = (): void => {
      if (generation !== this.generation) return
      try {
        for (const { inode, path, size, overwrites } of inodes) {
          this.check('sync', path)
          this.#syncedBefore(inode, size, overwrites)
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

  /** Asked for by `syncLater` and not done. */
  get pendingSyncs(): number {
    return this.#pendingSyncs.length
  }

  /** Runs the syncs asked for by `syncLater` so far; a slow disk only the oldest of them. */
  completeSyncs(limit = Infinity): void {
    for (const complete of this.#pendingSyncs.splice(0, limit)) complete()
  }

  /** Power loss: handles become useless, pending syncs never complete, names and bytes fall back to what is durable. */
  crash(options: CrashOptions = {}): void {
    const random = options.random
    this.generation += 1
    this.#pendingSyncs = []
    // In their order, as in the journal of a file system.
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

  /** The machine comes back with an empty disk. */
  replaceDisk(): void {
    this.kill()
    this.#names.clear()
    this.#durableNames.clear()
    this.#pendingNames = []
    this.#replacing.clear()
  }

  /** Flips one bit of a file, counted from its start, in memory and on the disk; nothing reports it. */
  flipBit(path: string, bit: number): void {
    const inode = this.#names.get(path)
    const at = bit >>> 3
    if (!inode || at >= inode.size) throw new StorageError('ENOENT', path, `no bit ${bit}`)
    inode.data[at] ^= 1 << (bit & 7)
    if (inode.durable !== null && at < inode.durable.length) inode.durable[at] ^= 1 << (bit & 7)
  }

  /** Every file with its bytes and how many of them a crash leaves; for digests. */
  *image(): Generator<{ path: string; bytes: Uint8Array; syncedSize: number; durable: Uint8Array | null }> {
    for (const names of [this.#names, this.#durableNames]) {
      for (const [path, inode] of names) {
        if (inode === null) continue
        const { syncedSize, durable } = inode
        yield { path, bytes: inode.data.subarray(0, inode.size), syncedSize, durable }
      }
    }
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
  #syncedBefore(inode: Inode, size: number, overwrites: number): void {
    this.syncs += 1
    if (inode.overwrites === overwrites) {
      inode.syncedSize = inode.durable === null ? Math.max(inode.syncedSize, size) : size
      inode.durable = null
    } else if (inode.durable === null) inode.syncedSize = Math.max(inode.syncedSize, Math.min(size, inode.size))
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
