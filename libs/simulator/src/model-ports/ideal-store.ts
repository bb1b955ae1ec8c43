/**
 * A broker's log directory without files: the `LogStore` of the model checker. What a crash, a power failure or a
 * replaced disk leaves is told it directly (`restart`, `replaceDisk`).
 */
import type { LogSafeguards } from '@troupe/log/partition-log'
import type { CleanedLog, CleanStep, LogConfig, LogStore } from '@troupe/log/contract'
import { IdealLog } from './ideal-log.ts'

export class IdealStore implements LogStore {
  directoryId: string
  cleanShutdown = false
  previousBrokerEpoch = -1
  safeguards: LogSafeguards | undefined
  /** By `topicId:partition`; also what lies on disk and is not open yet. */
  readonly files = new Map<string, IdealLog>()
  /** Keys of the logs that are open. */
  readonly opened = new Set<string>()

  constructor(directoryId: string, safeguards?: LogSafeguards) {
    this.directoryId = directoryId
    this.safeguards = safeguards
  }

  clone(): IdealStore {
    const copy = new IdealStore(this.directoryId, this.safeguards)
    copy.cleanShutdown = this.cleanShutdown
    copy.previousBrokerEpoch = this.previousBrokerEpoch
    for (const [key, log] of this.files) copy.files.set(key, log.clone())
    for (const key of this.opened) copy.opened.add(key)
    return copy
  }

  get path(): string {
    return '/ideal'
  }

  open(topic: string, topicId: string, partition: number, config: LogConfig, now: number): IdealLog {
    const key = keyOf(topicId, partition)
    let log = this.files.get(key)
    if (log === undefined) {
      log = new IdealLog({ topic, topicId, partition, config, now, safeguards: this.safeguards })
      this.files.set(key, log)
    } else if (!this.opened.has(key)) log.configure(config)
    this.opened.add(key)
    return log
  }

  get(topicId: string, partition: number): IdealLog | undefined {
    const key = keyOf(topicId, partition)
    return this.opened.has(key) ? this.files.get(key) : undefined
  }

  *logs(): Iterable<IdealLog> {
    for (const key of this.opened) yield this.files.get(key)!
  }

  onDisk(): { topic: string; partition: number; topicId: string }[] {
    return Array.from(this.files.values(), ({ topic, partition, topicId }) => ({ topic, partition, topicId }))
  }

  delete(topicId: string, partition: number): void {
    const key = keyOf(topicId, partition)
    const log = this.get(topicId, partition)
    if (log === undefined) return
    log.offlineReason = 'deleted'
    this.files.delete(key)
    this.opened.delete(key)
  }

  removeDeleted(): void {}

  writeCheckpoints(): void {
    for (const log of this.logs()) log.checkpoint()
  }

  writeCheckpointsLater(): boolean {
    this.writeCheckpoints()
    return true
  }

  /** Compaction is another model's business: it is done on real logs. */
  cleanOne(): CleanedLog | null {
    return null
  }

  cleanStep(): CleanStep {
    return null
  }

  finishCleaning(): CleanedLog | null {
    return null
  }

  sizeOnDisk(): { totalBytes: number; usableBytes: number } {
    return { totalBytes: -1, usableBytes: -1 }
  }

  closeCleanly(brokerEpoch = this.previousBrokerEpoch): void {
    for (const log of this.logs()) log.close()
    this.writeCheckpoints()
    this.cleanShutdown = true
    this.previousBrokerEpoch = brokerEpoch
    this.opened.clear()
  }

  /**
   * The next life of the broker, after a stop of any kind. `keep`: where each log loses what was not synced; all of it
   * stays by default (the process died, the machine did not). A marker of a clean stop counts once.
   */
  restart(now: number, keep = Infinity): void {
    const clean = this.cleanShutdown && this.opened.size === 0
    if (!clean) {
      this.cleanShutdown = false
      this.previousBrokerEpoch = -1
    }
    this.opened.clear()
    for (const log of this.files.values()) log.recover(clean, clean ? Infinity : keep, now)
  }

  replaceDisk(directoryId: string): void {
    this.directoryId = directoryId
    this.cleanShutdown = false
    this.previousBrokerEpoch = -1
    this.files.clear()
    this.opened.clear()
  }
}

const keyOf = (topicId: string, partition: number): string => `${topicId}:${partition}`
