/**
 * `producers`: one log and the producers that write to it, with lost answers, retries, deletion, expiry and restarts
 * (Z16, Z17, Z18, Z19).
 */
import type { PartitionLog } from '@troupe/log/partition-log'
import { checkLogStart } from '../invariants/compaction.ts'
import { checkCoordinatorEpochs, checkOnce, checkProducers, checkSequences } from '../invariants/idempotence.ts'
import { decode } from '../invariants/log-ghost.ts'
import { logModel } from './log-model.ts'
import {
  begin,
  beginEpoch,
  deleteRecords,
  expire,
  mark,
  newProducers,
  passTime,
  producersOf,
  send,
  type ProducersExtra,
} from './idempotence-producers.ts'
import { tinyLogConfig } from './storage-batches.ts'
import * as verbs from './storage-verbs.ts'
import type { Verb } from './storage-verbs.ts'

/**
 * What a restart forgets in Kafka too: producers whose batches the log start has left behind, and of each producer all
 * batches but the last, for which alone a snapshot has room. Clients with more under way begin a new epoch.
 */
const restarting = (verb: Verb): Verb => ({
  ...verb,
  options: (world) => (world.partitions[0].ghost.logStart > 0 ? [] : verb.options(world)),
  apply(world, option) {
    verb.apply(world, option)
    for (const client of producersOf(world).clients) {
      if (client.batches.slice(0, -1).some((batch) => !batch.isAcknowledged)) beginEpoch(client)
    }
  },
})

export const producersModel = logModel({
  name: 'producers',
  title: 'One log and its producers: lost answers, retries, deletion, expiry and restarts',
  defaultBounds: {
    clients: 1,
    batches: 6,
    sends: 10,
    transactions: 1,
    markers: 2,
    deletions: 1,
    advances: 2,
    stops: 1,
    /** 1: only what producers and readers can see of it. */
    stateUnseen: 0,
  },
  config: tinyLogConfig(),
  verbs: [
    verbs.start,
    verbs.open,
    restarting(verbs.stop),
    restarting(verbs.kill),
    verbs.commitAll,
    verbs.roll,
    send,
    begin,
    mark,
    deleteRecords,
    passTime,
    expire,
  ],
  extra: (bounds) => newProducers(bounds.clients ?? 1),
  describeExtra: (extra) => {
    const { clients, transactional, forgotten } = extra as ProducersExtra
    return JSON.stringify([clients, transactional, [...forgotten]])
  },
  check({ ghost, log }, world) {
    const { written } = ghost
    const { forgotten, clients } = producersOf(world)
    const expirationMs = world.config['producer.id.expiration.ms']
    const { producerId = 0 } = clients.find((client) => client.isStuck && !forgotten.has(client.producerId)) ?? {}
    return (
      checkOnce(written.filter((batch) => !forgotten.has(decode(batch).producerId))) ??
      checkSequences(written, new Set(forgotten.keys())) ??
      (producerId > 0
        ? { invariant: 'A1', detail: `producer ${producerId} can never write one of its batches` }
        : null) ??
      checkCoordinatorEpochs(written, expirationMs) ??
      (world.bounds.stateUnseen
        ? null
        : checkProducers(written, (log as PartitionLog).producers(), { now: world.now, expirationMs, forgotten })) ??
      checkLogStart(log as PartitionLog, ghost)
    )
  },
})
