/** The log-manager over a real directory: what it writes, whom it nudges, what it survives. */
import type { CompactionJob } from '@troupe/log/compaction'
import { allSafeguards } from '@troupe/actor'
import { resolveBrokerConfig } from '@troupe/config'
import { MemoryFileSystem } from '@troupe/log/memory-file-system'
import { describe, expect, test } from 'vitest'
import { logManagerActor, type LogManagerEnv, type LogManagerMessage } from '../src/log-manager.ts'
import { batch, openDirectory, Recorder, replicaConfig, TOPIC_ID } from './harness.ts'

function stage(overrides: Readonly<Record<string, string>> = {}) {
  const fs = new MemoryFileSystem()
  const logs = openDirectory(fs, 1)
  const out = new Recorder()
  const env: { -readonly [Key in keyof LogManagerEnv]: LogManagerEnv[Key] } = {
    self: { broker: 1, actor: 'log-manager' }, now: 0, random: () => 0, safeguards: allSafeguards, logs,
    config: resolveBrokerConfig(new Map(Object.entries(overrides))).config,
  }
  const log = logs.open('my-events', TOPIC_ID, 3, replicaConfig(overrides).log, 0)
  const state = logManagerActor.start(null, env, out)
  const tell = (message: LogManagerMessage, now = env.now) => {
    env.now = now
    logManagerActor.step(state, message, env, out)
    fs.completeSyncs()
    return out.take()
  }
  const append = (value: string, timestamp = 0) =>
    log.append({ records: batch({ values: [value], timestamp }), now: env.now, leaderEpoch: 0, origin: 'client' })
  return { fs, env, logs, log, started: out.take(), tell, append }
}

describe('log-manager', () => {
  test('starts its rounds at their own times', () => {
    expect(stage().started).toEqual([
      { kind: 'setTimer', name: 'checkpoint', at: 5_000, message: { kind: 'checkpoint' } },
      { kind: 'setTimer', name: 'upkeep', at: 30_000, message: { kind: 'upkeep' } },
      { kind: 'setTimer', name: 'clean', at: 15_000, message: { kind: 'clean' } },
    ])
    expect(stage({ 'log.cleaner.enable': 'false' }).started).toHaveLength(2)
  })

  test('a checkpoint keeps the high watermark over a restart', () => {
    const { fs, log, tell, append } = stage()
    append('a')
    append('b')
    log.setHighWatermark(2)
    expect(tell({ kind: 'checkpoint' }, 5_000)).toEqual([{
      kind: 'setTimer', name: 'checkpoint', at: 10_000, message: { kind: 'checkpoint' },
    }])
    expect(openDirectory(fs, 1).open('my-events', TOPIC_ID, 3, replicaConfig().log, 0).highWatermark).toBe(2)
  })

  test('a checkpoint with nothing new costs nothing', () => {
    const { fs, log, tell, append } = stage()
    append('a')
    log.setHighWatermark(1)
    tell({ kind: 'checkpoint' }, 5_000)
    tell({ kind: 'checkpoint' }, 6_000)
    const { syncs } = fs
    tell({ kind: 'checkpoint' }, 10_000)
    expect(fs.syncs).toBe(syncs)
    append('b')
    log.setHighWatermark(2)
    tell({ kind: 'checkpoint' }, 15_000)
    expect(fs.syncs).toBeGreaterThan(syncs)
  })

  test('upkeep nudges the replica of every log, not of an offline one', () => {
    const { fs, tell, append } = stage()
    expect(tell({ kind: 'upkeep' }, 30_000)).toEqual([
      { kind: 'setTimer', name: 'upkeep', at: 330_000, message: { kind: 'upkeep' } },
      { kind: 'send', to: { broker: 1, actor: `replica:${TOPIC_ID}:3` }, message: { kind: 'maintain' } },
    ])
    fs.fault = () => 'EIO'
    append('a')
    fs.fault = null
    expect(tell({ kind: 'upkeep' })).toHaveLength(1)
  })

  test('a deleted log is renamed at once and removed after file.delete.delay.ms', () => {
    const { fs, logs, tell } = stage()
    expect(tell({ kind: 'deleteLog', topicId: TOPIC_ID, partition: 3 }, 1_000)).toEqual([])
    expect(logs.get(TOPIC_ID, 3)).toBeUndefined()
    const deleted = () => fs.list('/data').filter((name) => name.endsWith('-delete'))
    expect(deleted()).toHaveLength(1)
    tell({ kind: 'checkpoint' }, 60_000)
    expect(deleted()).toHaveLength(1)
    tell({ kind: 'checkpoint' }, 61_000)
    expect(deleted()).toEqual([])
  })

  test('the cleaner goes on while there is work, and then rests', () => {
    const { log, tell } = stage({ 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0.01' })
    log.configure({
      ...replicaConfig({ 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0.01' }).log, 'segment.bytes': 200,
    })
    for (let value = 0; value < 20; value++) {
      const records = batch({ values: [`value-${value}`], key: 'the only key' })
      log.append({ records, now: 1_000, leaderEpoch: 0, origin: 'client' })
    }
    log.setHighWatermark(20)
    // The cleaner leaves gaps, which recovery must not meet: only what is durable is cleaned.
    log.flush()
    const before = log.sizeInBytes
    const busy = tell({ kind: 'clean' }, 15_000)
    expect(busy).toMatchObject([
      { kind: 'trace', event: 'log.cleaned', fields: { directory: log.directory } },
      { kind: 'setTimer', name: 'clean', at: 15_000, message: { kind: 'clean' } },
    ])
    expect(log.sizeInBytes).toBeLessThan(before / 4)
    expect(tell({ kind: 'clean' })).toEqual([{
      kind: 'setTimer', name: 'clean', at: 30_000, message: { kind: 'clean' },
    }])
  })

  test('a large log is compacted by the jobs actor; if that cannot be had, here', () => {
    const { env, log, tell } = stage({
      'log.cleanup.policy': 'compact', 'log.segment.bytes': String(1024 * 1024), 'log.cleaner.min.cleanable.ratio': '0',
    })
    env.offloadBytes = 1000
    for (let i = 0; i < 220; i++) {
      const records = batch({ values: ['x'.repeat(10_000)], key: `k${i % 5}`, timestamp: 0 })
      expect(log.append({ records, now: 0, leaderEpoch: 0, origin: 'client' }).error).toBe(0)
    }
    log.setHighWatermark(log.logEndOffset)
    log.flush()
    const asked = tell({ kind: 'clean' }, 15_000)
    expect(asked.map((effect) => effect.kind)).toEqual(['trace', 'send'])
    const [, question] = asked as [unknown, { to: object; message: { replyTo: { id: number }; job: CompactionJob } }]
    expect(question.to).toEqual({ broker: 1, actor: 'jobs' })
    expect(question.message.job.sources.length).toBeGreaterThan(0)
    const { id } = question.message.replyTo
    expect(tell({ kind: 'reply', id: id + 1, body: { kind: 'failed', reason: 'actor-crashed' } })).toEqual([])
    const failed = tell({ kind: 'reply', id, body: { kind: 'jobFailed', reason: 'no memory' } })
    expect(failed).toMatchObject([{ kind: 'trace', event: 'log.not-compacted' }, { kind: 'setTimer', at: 15_000 }])
    const here = tell({ kind: 'clean' })
    expect(here.map((effect) => effect.kind)).toEqual(['setTimer'])
    for (let steps = 0; steps < 100; steps++) {
      const [first] = tell({ kind: 'clean' })
      if (first?.kind === 'trace' && first.event === 'log.cleaned') return
    }
    throw new TypeError('it is not cleaned')
  })

  test('a full disk is told once, and the next round tries again', () => {
    const { fs, log, tell, append } = stage()
    append('a')
    log.setHighWatermark(1)
    fs.fault = (operation) => operation === 'append' ? 'ENOSPC' : undefined
    const kinds = (now: number) => tell({ kind: 'checkpoint' }, now).map(({ kind }) => kind)
    // The files are written behind the step: the next round knows.
    expect(kinds(5_000)).toEqual(['setTimer'])
    expect(kinds(10_000)).toEqual(['setTimer', 'trace', 'send'])
    expect(kinds(15_000)).toEqual(['setTimer'])
    fs.fault = null
    expect(kinds(20_000)).toEqual(['setTimer'])
    expect(kinds(25_000)).toEqual(['setTimer'])
    expect(openDirectory(fs, 1).open('my-events', TOPIC_ID, 3, replicaConfig().log, 0).highWatermark).toBe(1)
    append('b')
    log.setHighWatermark(2)
    fs.fault = (operation) => operation === 'append' ? 'ENOSPC' : undefined
    expect(kinds(30_000)).toEqual(['setTimer'])
    expect(kinds(35_000)).toEqual(['setTimer', 'trace', 'send'])
  })
})
