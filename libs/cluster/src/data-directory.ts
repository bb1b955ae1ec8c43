/**
 * Where an embedded cluster keeps its data: in a directory that somebody names, which stays, or in memory, which does not.
 *
 * In memory means the machine's memory file system: to the brokers it is a disk like any other, so that what a worker had
 * written is there when another takes its place, as after a crash of a real broker.
 */
import { accessSync, constants, mkdirSync, mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const sharedMemory = '/dev/shm'
/** A container's default of 64 MiB is soon full. */
const leastRoomBytes = 128 * 1024 * 1024

export interface DataDirectory {
  readonly path: string
  readonly isTemporary: boolean
  remove(): void
}

export function dataDirectory(given: string | undefined): DataDirectory {
  if (given !== undefined) {
    mkdirSync(given, { recursive: true })
    return { path: resolve(given), isTemporary: false, remove: () => {} }
  }
  const path = mkdtempSync(join(hasRoom(sharedMemory) ? sharedMemory : tmpdir(), 'troupe-'))
  const clear = (): void => rmSync(path, { recursive: true, force: true, maxRetries: 5 })
  // Memory is not given back by itself when a test's process ends without ending its cluster.
  process.once('exit', clear)
  return {
    path,
    isTemporary: true,
    remove: () => {
      process.removeListener('exit', clear)
      clear()
    },
  }
}

function hasRoom(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK)
    const { bavail, bsize } = statfsSync(directory)
    return bavail * bsize >= leastRoomBytes
  } catch {
    return false
  }
}
