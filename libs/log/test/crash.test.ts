/**
 * A process that appends is killed at random points, again and again on the same directory; nothing it acknowledged
 * may be missing.
 *
 * SIGKILL leaves the page cache to the kernel, so this shows what a dead process can leave behind: half a write, half
 * a roll, a cleaner between two renames, a recovery that did not finish. Power loss, which also takes what was not
 * synced, is shown with the file system in memory (`model.test.ts`).
 */
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import '@troupe/wire/native.node'
import { NodeFileSystem } from '../src/node-file-system.node.ts'
import { keysOf, openCrashLogs, valueAt } from './crash-logs.ts'
import { dumpLog, skipped, temporaryDirectory } from './support-reference.ts'
import { readBatches, untext } from './support.ts'

/** As many rounds as the time allows, hundreds on an idle machine; `TROUPE_CRASH_SECONDS` gives it more. */
const SECONDS = Number(process.env.TROUPE_CRASH_SECONDS ?? 25)
const MIN_ROUNDS = 20
const LANES = 2
const cache = temporaryDirectory()
const directories = Array.from({ length: LANES }, temporaryDirectory)

interface Acknowledged {
  end: number
  keys: string
}

/** Kills the writer when it has said a random number of things; the first are said before and after recovery. */
function killedWriter(path: string, seed: number, known: Acknowledged): Promise<Acknowledged> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'crash-writer.ts'), path, String(seed)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_COMPILE_CACHE: cache.path },
  })
  const lines = 1 + ((Math.imul(seed, 2654435761) >>> 8) % 30)
  let seen = 0
  let rest = ''
  let errors = ''
  const acknowledged = { ...known }
  child.stderr.on('data', (chunk) => (errors += chunk))
  child.stdout.on('data', (chunk) => {
    const parts = (rest + chunk).split('\n')
    rest = parts.pop() ?? ''
    for (const line of parts) {
      const [name, value] = line.split(' ')
      if (name === 'plain') acknowledged.end = Number(value)
      if (name === 'compacted') acknowledged.keys = value
      seen += 1
      if (seen === lines) child.kill('SIGKILL')
    }
  })
  return new Promise((resolve, reject) => {
    child.on('close', (code, signal) => {
      if (signal === 'SIGKILL') resolve(acknowledged)
      else reject(new RangeError(`the writer ended with ${code}: ${errors}`))
    })
  })
}

/** Opens what is left as a new start would, and looks at all that is new since `from`. Returns the end of the log. */
function check(path: string, acknowledged: Acknowledged, from: number): number {
  const { directory, plain, compacted } = openCrashLogs(new NodeFileSystem(), path, Date.now())
  expect(plain.logEndOffset).toBeGreaterThanOrEqual(acknowledged.end)
  let next = from
  for (const each of readBatches(plain, from)) {
    expect(each.baseOffset).toBe(next)
    for (const record of each.isControl ? [] : each.records) expect(untext(record.value)).toBe(valueAt(record.offset))
    next = each.lastOffset + 1
  }
  expect(next).toBe(plain.logEndOffset)
  const keys = new Map(
    keysOf(compacted)
      .split(',')
      .map((each) => each.split(':') as [string, string]),
  )
  for (const each of acknowledged.keys.split(',').filter((key) => key !== '')) {
    const [key, value] = each.split(':')
    expect(Number(keys.get(key))).toBeGreaterThanOrEqual(Number(value))
  }
  for (const log of [plain, compacted]) {
    for (const segment of log.local.segments.slice(-3)) {
      const reader = segment.bodyReader()
      while (reader.next())
        expect(segment.findPosition(reader.position, reader.position)?.position).toBe(reader.position)
    }
    log.local.release()
  }
  expect(directory.cleanShutdown).toBe(false)
  return next
}

describe('a killed process', () => {
  afterAll(() => {
    for (const { remove } of [cache, ...directories]) remove()
  })
  it('loses nothing acknowledged, however often', async () => {
    const deadline = performance.now() + 1000 * SECONDS
    let rounds = 0
    const lanes = directories.map(async ({ path }, lane) => {
      let acknowledged: Acknowledged = { end: 0, keys: '' }
      let checked = 0
      for (let round = 0; performance.now() < deadline; round++, rounds++) {
        acknowledged = await killedWriter(path, 1 + lane * 100_003 + round * 7, acknowledged)
        checked = check(path, acknowledged, checked)
      }
      // Often enough the kill came after many acknowledgements.
      expect(acknowledged.end).toBeGreaterThan(5 * MIN_ROUNDS)
      return path
    })
    const paths = await Promise.all(lanes)
    expect(rounds).toBeGreaterThan(MIN_ROUNDS)
    for (const path of paths) if (!skipped) await checkWithKafka(path)
  }, 180_000)
})

/** Indexes of segments that are closed, as Kafka's tool sees them; the active one's are rebuilt at a start. */
async function checkWithKafka(path: string): Promise<void> {
  for (const name of ['plain-0', 'compacted-0']) {
    const files = readdirSync(join(path, name)).map((file) => join(path, name, file))
    const logs = files.filter((file) => file.endsWith('.log')).sort()
    const dumped = await dumpLog(logs.slice(-5))
    expect(dumped).toMatch(/isvalid: true/)
    expect(dumped).not.toMatch(/isvalid: false|exception|mismatch/i)
    const closed = files.filter(
      (file) => /\.(time)?index$/.test(file) && !file.startsWith(logs[logs.length - 1].slice(0, -4)),
    )
    const indexes = await dumpLog(closed.sort().slice(-10))
    expect(indexes).not.toMatch(/mismatch|exception|not found/i)
  }
}
