/** The admin's steps with groups, transactions, the cluster and the places of replicas; see `admin-steps.ts`. */
import { Consumer } from '../../src/shell/consumer.ts'
import { Producer } from '../../src/shell/producer.ts'
import { eventually, outcome, partitionsOf, produce, settled, sizes, SOON, type Lab, type Step } from './admin-steps.ts'

const offline: Step[] = [
  {
    name: 'alterConsumerGroupOffsets makes a group; listConsumerGroupOffsets shows it',
    run: async ({ admin }) => {
      const offsets = [0, 1].map((partition) => ({
        topic: 'orders',
        partition,
        offset: 10 + partition,
        metadata: `m${partition}`,
      }))
      const altered = await settled(
        admin.alterConsumerGroupOffsets('g', [...offsets, { topic: 'missing', partition: 0, offset: 1 }]),
      )
      const asked = [
        { groupId: 'g' },
        { groupId: 'nobody' },
        { groupId: 'g', partitions: partitionsOf('orders', 0, 2) },
      ]
      const listed = await settled(admin.listConsumerGroupOffsets(asked.slice(0, 2)), (value) =>
        Object.fromEntries([...value].sort()),
      )
      const some = await settled(admin.listConsumerGroupOffsets(asked.slice(2), { requireStable: true }), (value) => [
        ...value.keys(),
      ])
      return { altered, listed, some }
    },
  },
  {
    name: 'describeConsumerGroups and describeClassicGroups: empty, and not there',
    run: async ({ admin }) => {
      const show = (group: any): object => ({ ...group, coordinator: group.coordinator > 0 })
      return {
        either: await settled(
          admin.describeConsumerGroups(['g', 'nobody'], { includeAuthorizedOperations: true }),
          show,
        ),
        classic: await settled(admin.describeClassicGroups(['g', 'nobody']), show),
      }
    },
  },
  {
    name: 'listGroups',
    run: async ({ admin }) => ({
      all: await admin.listGroups(),
      stable: await admin.listGroups({ states: ['Stable'] }),
      connect: await admin.listGroups({ protocolTypes: ['connect'] }),
    }),
  },
  {
    name: 'deleteConsumerGroupOffsets and deleteConsumerGroups',
    run: async ({ admin }) => ({
      offsets: await settled(
        admin.deleteConsumerGroupOffsets('g', [...partitionsOf('orders', 0), ...partitionsOf('missing', 0)]),
      ),
      noGroup: await settled(admin.deleteConsumerGroupOffsets('nobody', partitionsOf('orders', 0))),
      groups: await settled(admin.deleteConsumerGroups(['g', 'nobody'])),
      left: await admin.listGroups(),
    }),
  },
]

const live: Step[] = [
  {
    name: 'a group with a member: described, protected, emptied',
    run: async ({ admin, bootstrap }) => {
      await using consumer = new Consumer({
        'bootstrap.servers': bootstrap,
        'group.id': 'live',
        'group.instance.id': 'i1',
        'client.id': 'c',
      })
      consumer.subscribe(['placed'])
      const look = async (): Promise<any> => {
        await consumer.poll({ timeoutMs: 100 })
        return outcome(admin.describeConsumerGroups(['live']), (groups) => groups.get('live'))
      }
      const group = await eventually(look, (value) => value?.members?.[0]?.assignment?.length === 3)
      const member = group.members[0]
      return {
        group: {
          ...group,
          coordinator: group.coordinator > 0,
          members: [{ ...member, memberId: member.memberId.slice(0, 3), clientHost: member.clientHost.length > 0 }],
        },
        deleted: await settled(admin.deleteConsumerGroups(['live'])),
        altered: await settled(admin.alterConsumerGroupOffsets('live', [{ topic: 'placed', partition: 0, offset: 1 }])),
        subscribed: await settled(admin.deleteConsumerGroupOffsets('live', partitionsOf('placed', 0))),
        unknown: await settled(
          admin.removeMembersFromConsumerGroup('live', { members: [{ groupInstanceId: 'i9' }], reason: 'test' }),
        ),
        removed: await settled(admin.removeMembersFromConsumerGroup('live')),
        after: await settled(
          admin.describeConsumerGroups(['live']),
          ({ state, members }) => `${state} ${members.length}`,
        ),
        nobody: await settled(admin.removeMembersFromConsumerGroup('nobody', { members: [{ memberId: 'm' }] })),
      }
    },
  },
]

async function openTransaction({ bootstrap }: Lab, transactionalId: string): Promise<Producer> {
  const producer = new Producer({ 'bootstrap.servers': bootstrap, 'transactional.id': transactionalId })
  await producer.initTransactions()
  await producer.beginTransaction()
  await producer.send({ topic: 'orders', partition: 2, key: 'k', value: 'open' })
  return producer
}

const transactions: Step[] = [
  {
    name: 'transactions: listed, described, fenced',
    run: async (lab) => {
      const { admin } = lab
      await using producer = await openTransaction(lab, 'tx')
      const show = (state: any): object => ({
        ...state,
        coordinator: state.coordinator > 0,
        producerId: state.producerId >= 0,
        producerEpoch: state.producerEpoch >= 0,
        transactionStartTimeMs: state.transactionStartTimeMs !== null,
      })
      const listed = await admin.listTransactions({ states: ['Ongoing'] })
      const described = await settled(admin.describeTransactions(['tx', 'nobody']), show)
      const bounds = async (): Promise<number[]> => {
        const both = (['read_uncommitted', 'read_committed'] as const).map((isolation) =>
          admin.listOffsets([{ topic: 'orders', partition: 2, at: 'latest' }], { isolation }),
        )
        return (await Promise.all(both)).map((offsets) => offsets.get('orders-2')!.offset)
      }
      const open = await bounds()
      const fenced = await settled(admin.fenceProducers(['tx', 'fresh']), (value) => value.producerId >= 0)
      const committed = await outcome(producer.commitTransaction())
      const after = await eventually(bounds, ([end, stable]) => end === stable)
      return {
        listed: listed.map(({ transactionalId, state }) => `${transactionalId} ${state}`),
        filtered: await admin.listTransactions({ producerIds: [999_999] }),
        // Those that are not open count as open for ever.
        old: (await admin.listTransactions({ runningLongerThanMs: 3_600_000 }))
          .map(({ transactionalId, state }) => `${transactionalId} ${state}`)
          .sort(),
        pattern: (await admin.listTransactions({ transactionalIdPattern: 't.*' })).map(
          ({ transactionalId }) => transactionalId,
        ),
        described,
        open,
        fenced,
        committed,
        after,
      }
    },
  },
  {
    name: 'abortTransaction: in the partition, whatever the coordinator thinks',
    run: async (lab) => {
      const { admin } = lab
      await using producer = await openTransaction(lab, 'hanging')
      const state = (await admin.describeTransactions(['hanging'])).get('hanging')!
      const { producerId, producerEpoch } = state
      const openAt = async (): Promise<(number | null)[]> => {
        const { producers } = (await admin.describeProducers(partitionsOf('orders', 2))).get('orders-2')!
        return producers.filter((one) => one.producerId === producerId).map((one) => one.currentTransactionStartOffset)
      }
      const before = await openAt()
      const marker = { topic: 'orders', partition: 2, producerId, producerEpoch, coordinatorEpoch: 0 }
      const stale = await outcome(admin.abortTransaction({ ...marker, producerEpoch: -5 }, SOON))
      const aborted = await outcome(admin.abortTransaction(marker))
      return {
        before: before.length,
        open: before[0] !== null,
        stale,
        aborted,
        after: await openAt(),
        own: await outcome(producer.abortTransaction()),
      }
    },
  },
]

const cluster: Step[] = [
  {
    name: 'describeCluster',
    run: async ({ admin }) => {
      const show = ({ clusterId, controllerId, brokers, authorizedOperations }: any): object => ({
        clusterId: clusterId.length,
        controller: brokers.some(({ id }: any) => id === controllerId),
        brokers: brokers.map(({ id, rack, fenced }: any) => ({ id, rack, fenced })),
        authorizedOperations,
      })
      return [
        await outcome(admin.describeCluster(), show),
        await outcome(admin.describeCluster({ includeAuthorizedOperations: true, includeFencedBrokers: true }), show),
      ]
    },
  },
  {
    name: 'describeMetadataQuorum',
    run: async ({ admin }) => {
      const { leaderId, leaderEpoch, highWatermark, voters, observers, nodes } = await admin.describeMetadataQuorum()
      return {
        leader: voters.some(({ replicaId }) => replicaId === leaderId),
        known: leaderEpoch > 0 && highWatermark > 0,
        voters: voters
          .map(({ replicaId, replicaDirectoryId, lastFetchTimestamp }) => [
            replicaId,
            replicaDirectoryId.length,
            lastFetchTimestamp !== null,
          ])
          .sort(),
        observers,
        nodes: nodes.map(({ nodeId, listeners }) => [nodeId, listeners.length]).sort(),
      }
    },
  },
  {
    name: 'describeFeatures and updateFeatures',
    run: async ({ admin }) => {
      const { finalized, finalizedEpoch, supported } = await admin.describeFeatures()
      const own = await admin.describeFeatures({ broker: 2 })
      const update = (
        feature: string,
        maxVersionLevel: number,
        upgradeType: 'upgrade' | 'safe-downgrade' = 'upgrade',
      ) => settled(admin.updateFeatures([{ feature, maxVersionLevel, upgradeType }], { validateOnly: true }))
      return {
        finalized: Object.fromEntries(
          [...finalized].filter(([name]) => /^(metadata|transaction)\.version$/.test(name)).sort(),
        ),
        supported: supported.get('transaction.version'),
        epoch: finalizedEpoch > 0 && own.finalizedEpoch > 0,
        unknown: await update('no.such.feature', 1),
        high: await update('transaction.version', 99),
        same: await update('transaction.version', 2),
        lower: await update('transaction.version', 1),
        downgrade: await update('transaction.version', 1, 'safe-downgrade'),
      }
    },
  },
  {
    name: 'unregisterBroker: one that is not there',
    run: ({ admin }) => outcome(admin.unregisterBroker(99)),
    shows: 'BROKER_ID_NOT_REGISTERED',
  },
]

const placement: Step[] = [
  {
    name: 'alterPartitionReassignments and listPartitionReassignments',
    run: async ({ admin }) => {
      const placed = async () => (await admin.describeTopics(['placed'])).get('placed')!.partitions
      const altered = await settled(
        admin.alterPartitionReassignments([
          { topic: 'placed', partition: 0, replicas: [3, 1] },
          { topic: 'placed', partition: 1, replicas: [9] },
          { topic: 'placed', partition: 2, replicas: null },
          { topic: 'missing', partition: 0, replicas: [1] },
        ]),
      )
      const after = await eventually(placed, ([first]) => first!.replicas.join() === '3,1' && first!.isr.length === 2)
      return {
        altered,
        after: after.map(sizes),
        replicas: after[0]!.replicas,
        ongoing: await eventually(
          () => admin.listPartitionReassignments(),
          (list) => list.length === 0,
        ),
        narrow: await settled(
          admin.alterPartitionReassignments([{ topic: 'placed', partition: 1, replicas: [1, 2, 3] }], {
            allowReplicationFactorChange: false,
          }),
        ),
      }
    },
  },
  {
    name: 'electLeaders',
    run: async ({ admin }) => {
      const names = (results: ReadonlyMap<string, Error | null>): object =>
        Object.fromEntries([...results].map(([key, error]) => [key, error?.name ?? null]).sort())
      const lead = async () =>
        (await admin.describeTopics(['placed'])).get('placed')!.partitions.map(({ leader }) => leader)
      await admin.electLeaders('preferred', partitionsOf('placed', 0, 1, 2))
      return {
        leaders: await eventually(lead, (leaders) => leaders[0] === 3),
        preferred: names(
          await admin.electLeaders('preferred', [...partitionsOf('placed', 0), ...partitionsOf('missing', 0)]),
        ),
        unclean: names(await admin.electLeaders('unclean', partitionsOf('placed', 1))),
        all: names(await admin.electLeaders('unclean')),
      }
    },
  },
  {
    name: 'describeLogDirs',
    run: async (lab) => {
      await produce(lab, 'placed', 1, [Date.now()])
      const look = () =>
        settled(lab.admin.describeLogDirs([1, 2, 3], { partitions: partitionsOf('placed', 1) }), (directories) =>
          directories.map(({ path, error, replicas, totalBytes, usableBytes }) => ({
            path: path.length > 0,
            error,
            replicas,
            bytes: totalBytes > 0 && usableBytes > 0,
          })),
        )
      const full = (value: Record<string, unknown>): boolean =>
        JSON.stringify(value).match(/"sizeInBytes":[1-9]/g)?.length === 2
      return eventually(look, full)
    },
  },
  {
    name: 'describeLogDirs: of a broker that is not there',
    run: ({ admin }) => settled(admin.describeLogDirs([9], SOON)),
    shows: { 9: 'REQUEST_TIMED_OUT' },
  },
]

const last: Step[] = [
  {
    name: 'any request',
    run: async ({ admin }) => {
      const { topics } = await admin.request<{ topics: { name: string; errorCode: number }[] }>({
        api: 3,
        body: { topics: [{ name: 'orders' }] },
      })
      return topics.map(({ name, errorCode }) => ({ name, errorCode }))
    },
    shows: [{ name: 'orders', errorCode: 0 }],
  },
  {
    name: 'deleteTopics: by name, by id, and what is not there',
    run: async ({ admin }) => {
      const { topicId } = (await admin.describeTopics(['placed'])).get('placed')!
      const deleted = await settled(admin.deleteTopics(['orders', 'missing', { topicId }]))
      const { [topicId]: byId, ...byName } = deleted
      const unknown = await settled(admin.deleteTopics([{ topicId: 'AAAAAAAAAAAAAAAAAAAABQ' }]))
      const names = async () => (await admin.listTopics()).map(({ name }) => name)
      return { byName, byId, unknown, left: await eventually(names, (list) => list.length === 0) }
    },
    shows: {
      byName: { missing: 'UNKNOWN_TOPIC_OR_PARTITION', orders: null },
      byId: null,
      unknown: { AAAAAAAAAAAAAAAAAAAABQ: 'UNKNOWN_TOPIC_ID' },
      left: [],
    },
  },
]

export const otherSteps: readonly Step[] = [...offline, ...live, ...transactions, ...cluster, ...placement, ...last]
