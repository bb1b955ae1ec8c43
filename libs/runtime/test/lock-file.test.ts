/** Two processes on one directory. */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { DirectoryInUseError, lockDirectory } from '../src/lock-file.ts'

let directory: string
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'troupe-lock-'))))
afterEach(() => rmSync(directory, { recursive: true }))

it('refuses a second owner, and lets the next one in after the release', () => {
  const lock = lockDirectory(directory)
  expect(() => lockDirectory(directory)).toThrow(DirectoryInUseError)
  lock.release()
  expect(existsSync(join(directory, '.lock'))).toBe(false)
  lockDirectory(directory).release()
})

it('takes over the lock of a process that is gone, of another process with its number, and of Kafka', async () => {
  const gone = spawn(process.execPath, ['--eval', ''])
  await new Promise((resolve) => gone.once('exit', resolve))
  for (const owner of [`${gone.pid} 0\n`, `${process.pid} 1\n`, '']) {
    writeFileSync(join(directory, '.lock'), owner)
    lockDirectory(directory).release()
  }
})
