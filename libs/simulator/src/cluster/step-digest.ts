/**
 * What of a step goes into the run's hash: who stepped, when, on what, what it sent, and a digest of its state that is
 * cheap enough for every event (numbers, lengths and sizes on the first level; a log's offsets).
 */
import type { Message } from '@troupe/actor'
import type { Log } from '@troupe/log/contract'
import type { ReplicaState } from '@troupe/replication/state'
import type { EffectList } from '@troupe/actor/effect-list'
import type { Cell, Host } from '../kernel/host.ts'
import { hashText } from '@troupe/actor/random'
import type { RollingHash } from '../kernel/rolling-hash.ts'

const texts = new Map<string, number>()

/** Names and kinds are few and come again and again. */
function textOf(text: string): number {
  let hash = texts.get(text)
  if (hash === undefined) {
    hash = hashText(text, 0)
    if (texts.size < 100_000) texts.set(text, hash)
  }
  return hash
}

export function mixStep(
  hash: RollingHash,
  now: number,
  host: Host,
  cell: Cell,
  message: Message,
  effects: EffectList,
): void {
  hash.mixNumber(now)
  hash.mix(host.id)
  hash.mix(textOf(cell.name))
  hash.mix(textOf(message.kind))
  for (const effect of effects.list) {
    hash.mix(textOf(effect.kind))
    if (effect.kind === 'send') {
      hash.mix(effect.to.broker)
      hash.mix(textOf(effect.message.kind))
    } else if (effect.kind === 'setTimer') hash.mixNumber(effect.at)
  }
  if (cell.kind === 'replica') mixReplica(hash, cell.state as ReplicaState)
  else mixState(hash, cell.state)
}

/** Half of all steps are a replica's, and its state has many fields. */
function mixReplica(hash: RollingHash, state: ReplicaState): void {
  hash.mix(state.leaderEpoch)
  hash.mix(state.partitionEpoch)
  hash.mix(state.isr.length)
  hash.mix(state.awaiting.length)
  hash.mix(state.verifications.size)
  hash.mixNumber(state.nextId)
  hash.mixNumber(state.fetcher.waitMs)
  if (state.log !== null) mixLog(hash, state.log)
}

function mixState(hash: RollingHash, state: unknown): void {
  if (typeof state !== 'object' || state === null) return
  for (const key in state) {
    const value = (state as Record<string, unknown>)[key]
    switch (typeof value) {
      case 'number':
        hash.mixNumber(value)
        break
      case 'boolean':
        hash.mix(value ? 1 : 0)
        break
      case 'string':
        hash.mix(textOf(value))
        break
      case 'object':
        if (Array.isArray(value)) hash.mix(value.length)
        else if (value instanceof Map || value instanceof Set) hash.mix(value.size)
    }
  }
}

function mixLog(hash: RollingHash, log: Log): void {
  hash.mixNumber(log.logStartOffset)
  hash.mixNumber(log.logEndOffset)
  hash.mixNumber(log.highWatermark)
}
