/**
 * `.lock`: one process on a data directory. Node has no flock, so the file holds the owner's process id and the time
 * at which that process started; the lock of a process that is gone is taken over.
 *
 * Source: Kafka's LogManager.lockLogDirs, which locks the same file.
 */
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, unlinkSync, writeSync } from 'node:fs'
import { join } from 'node:path'

export class DirectoryInUseError extends Error {}

export interface DirectoryLock {
  release(): void
}

export function lockDirectory(directory: string): DirectoryLock {
  const path = join(directory, '.lock')
  const own = `${process.pid} ${startTimeOf(process.pid) ?? 0}\n`
  // Written beside and linked: whoever sees the lock sees its owner.
  const beside = `${path}.${process.pid}`
  const descriptor = openSync(beside, 'w', 0o644)
  writeSync(descriptor, own)
  fsyncSync(descriptor)
  closeSync(descriptor)
  try {
    takeLock(path, beside, directory)
  } finally {
    unlinkSync(beside)
  }
  return {
    release: () => {
      if (read(path) === own) unlinkSync(path)
    },
  }
}

function takeLock(path: string, beside: string, directory: string): void {
  for (;;) {
    try {
      linkSync(beside, path)
      return
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    const text = read(path)
    if (text === null) continue
    const [pid = 0, startedAt = 0] = text.trim().split(' ').map(Number)
    if (isAlive(pid, startedAt)) {
      throw new DirectoryInUseError(`${directory} is in use by process ${pid} (its lock is ${path})`)
    }
    // Another starter may have taken it over since we looked.
    if (read(path) === text) unlinkSync(path)
  }
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

/** A process of that number may be another one by now: then it started at another time. */
function isAlive(pid: number, startedAt: number): boolean {
  // Kafka's own lock file is empty.
  if (!(pid > 0)) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
  }
  const known = startTimeOf(pid)
  return known === null || startedAt === 0 || known === startedAt
}

/** In clock ticks since boot, where the system has /proc; null elsewhere. */
function startTimeOf(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The name, in parentheses, may hold anything; the 22nd field counts from behind it.
    const startTimeField = 19
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[startTimeField])
  } catch {
    return null
  }
}
