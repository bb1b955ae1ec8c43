/**
 * The process that `crash.test.ts` kills: it appends to two logs as fast as it can and says on standard output what
 * is acknowledged.
 *
 * Acknowledged is what its flush policy has synced: `flushLater` every few batches, as the log manager does for
 * flush.messages.
 */
import { writeSync } from 'node:fs'
import '@troupe/wire/native.node'
import { KafkaError } from '@troupe/wire/errors'
import { NodeFileSystem } from '../src/node-file-system.node.ts'
import type { PartitionLog } from '../src/partition-log.ts'
import { keysOf, openCrashLogs, transactionalId, valueAt } from './crash-logs.ts'
import { append, batch, marker, produced } from './support.ts'

const [path, seed] = [process.argv[2], Number(process.argv[3])]
let state = seed | 1
function random(below: number): number {
  state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff
  return (state >>> 8) % below
}

writeSync(1, 'opening\n')
const { directory, plain, compacted } = openCrashLogs(new NodeFileSystem(), path, Date.now())
writeSync(1, 'open\n')
const epoch = Math.max(plain.latestEpoch, compacted.latestEpoch) + 1

let flushing = 0
let turns = 0
setImmediate(turn)

/** A handful of appends, then the loop gets its turn: that is where syncs complete. */
function turn(): void {
  turns += 1
  for (let i = 0; i < 4; i++) appendPlain()
  appendCompacted()
  if (flushing < 2) {
    flush('plain', plain, plain.logEndOffset)
    flush('compacted', compacted, keysOf(compacted))
  }
  if (turns % 7 === 0) directory.cleanStep(Date.now(), 20_000)
  if (turns % 30 === 0) directory.writeCheckpoints()
  else if (turns % 10 === 0) directory.writeCheckpointsLater()
  if (turns % 50 === 0) for (const log of [plain, compacted]) log.applyRetention(Date.now())
  setImmediate(turn)
}

function flush(name: string, log: PartitionLog, acknowledged: number | string): void {
  flushing += 1
  log.flushLater(Date.now(), (error) => {
    flushing -= 1
    if (error !== null) throw new RangeError(error)
    log.setHighWatermark(log.recoveryPoint)
    writeSync(1, `${name} ${acknowledged}\n`)
  })
}

function check(result: { error: number; errorMessage: string | null }): void {
  if (result.error !== KafkaError.NONE) throw new RangeError(`append: ${result.errorMessage}`)
}

function appendPlain(): void {
  const first = plain.logEndOffset
  const count = 1 + random(5)
  const records = Array.from({ length: count }, (_, i) => valueAt(first + i))
  const options = { leaderEpoch: epoch, now: Date.now() }
  const entry = plain.producerState.get(transactionalId)
  const open = entry !== undefined && entry.currentTxnFirstOffset >= 0
  if (open && random(3) === 0) return check(marker(plain, transactionalId, 0, random(2) === 0, options))
  if (random(4) > 0 && !open) return check(append(plain, batch(records, { timestamp: options.now }), options))
  const bytes = produced(transactionalId, 0, ((entry?.lastSequence ?? -1) + 1) % 0x80000000, records, {
    isTransactional: true,
  })
  check(append(plain, bytes, { ...options, transactionVerified: true }))
}

/** Key k gets ever larger numbers. */
function appendCompacted(): void {
  const next = compacted.logEndOffset
  const options = { leaderEpoch: epoch, now: Date.now() }
  check(append(compacted, batch([`k${random(8)}=${next}`], { timestamp: options.now }), options))
}
