/** Who stands where in `consumer-truncation`, with which settings, and how logs are copied and compared. */
import { consumerActor } from '@troupe/client/consumer'
import { resolveBrokerConfig } from '@troupe/config'
import type { ReplicaArgs } from '@troupe/replication/messages'
import { replicaActor } from '@troupe/replication/replica'
import type { CellSpec, ClassRule } from '../model/actor-world.ts'
import type { Bounds } from '../model/contract.ts'
import { IdealLog } from '../model-ports/ideal-log.ts'
import { IdealStore } from '../model-ports/ideal-store.ts'
import { replicaConfigOf } from './replica-config.ts'
import { BROKERS, CLIENT, CONSUMER, NETWORK, REPLICA, TOPIC, TOPIC_ID, wire } from './consumer-truncation-network.ts'

const { config: brokerConfig } = resolveBrokerConfig(new Map())

/** One object in all worlds. */
export const replicaConfig = replicaConfigOf(true)

/** What it tries again it tries again at once: time stands still. */
const properties = {
  'auto.offset.reset': 'earliest',
  'enable.auto.commit': false,
  'max.poll.records': 1,
  'retry.backoff.ms': 0,
  'retry.backoff.max.ms': 0,
} as const

export function cells<Ghost>({ fetchVersion }: Bounds): CellSpec<Ghost>[] {
  const args: ReplicaArgs = { topic: TOPIC, topicId: TOPIC_ID, partition: 0, config: replicaConfig }
  return [
    ...BROKERS.map((node): CellSpec<Ghost> => ({
      node,
      name: REPLICA,
      definition: replicaActor,
      args,
      disk: () => new IdealStore(`ZGlyZWN0b3J5LWlkLTAwM${node}`),
      ports: (view) => ({
        get logs() {
          return view.disk
        },
        cluster: {},
        config: brokerConfig,
      }),
    })),
    { node: CLIENT, name: NETWORK, definition: wire, args: { fetchVersion } },
    { node: CLIENT, name: CONSUMER, definition: consumerActor, args: { properties } },
  ]
}

const logRule: ClassRule<IdealLog> = {
  type: IdealLog,
  clone: (log) => log.clone(),
  view: ({ batches, epochs, logEndOffset, highWatermark }) => [
    logEndOffset,
    highWatermark,
    epochs.entries,
    batches.map(({ digest }) => digest),
  ],
}

const storeRule: ClassRule<IdealStore> = {
  type: IdealStore,
  clone(store, copy) {
    const twin = new IdealStore(store.directoryId, store.safeguards)
    for (const [key, log] of store.files) twin.files.set(key, copy(log))
    for (const key of store.opened) twin.opened.add(key)
    return twin
  },
  view: ({ files }) => [...files.values()],
}

export const classRules = [logRule, storeRule] as unknown as readonly ClassRule<never>[]
