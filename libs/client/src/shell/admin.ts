/**
 * The admin as Promises: a method for each request that brokers answer to people and tools, named as in Java's Admin.
 *
 * Several items in one question have an outcome each (`PerItem`); what may pass is asked for again until
 * `default.api.timeout.ms` or `timeoutMs` is over. Topics, groups and transactional ids are keyed by their name,
 * partitions by `topic-partition`, brokers by their number, configurations by `type:name`.
 */
import type {
  AnyRequest,
  ClusterDescription,
  FeatureMetadata,
  FeatureUpdate,
  QuorumDescription,
} from '../admin/cluster.ts'
import type { ConfigAlteration, ConfigEntry, ConfigResource } from '../admin/configs.ts'
import type { CommittedOffset, GroupOffsetsQuestion, NewGroupOffset } from '../admin/group-offsets.ts'
import type { GroupDescription, GroupListing } from '../admin/groups.ts'
import type {
  DeletedRecords,
  HangingTransaction,
  ListedOffset,
  OffsetQuestion,
  PartitionProducers,
  RecordsToDelete,
} from '../admin/partitions.ts'
import type {
  Election,
  ElectionType,
  LogDirectory,
  OngoingReassignment,
  Reassignment,
  ReplicaMove,
} from '../admin/placement.ts'
import type {
  CreatedTopic,
  NewPartitions,
  NewTopic,
  TopicDescription,
  TopicListing,
  TopicRef,
} from '../admin/topics.ts'
import type {
  FencedProducer,
  ListTransactionsArgs,
  TransactionDescription,
  TransactionListing,
} from '../admin/transactions.ts'
import { keyOfPartition } from '../admin/answers.ts'
import type { TopicPartition } from '../consumer/topic-partition.ts'
import { AdminCalls, perItem, type AdminOptions, type PerItem } from './admin-calls.ts'
import {
  allOf,
  describeConsumerGroups,
  listGroups,
  removeMembers,
  type DescribeGroupsOptions,
  type ListGroupsOptions,
  type RemoveMembersOptions,
} from './admin-groups.ts'
import { ClientNode } from './client-node.ts'
import type { Connector } from './connector.ts'
import { kafkaError, type KafkaError } from './errors.ts'
import { silentLogger, type Logger } from './logger.ts'
import { adminProperties } from './properties.ts'
import type { AdminConfig } from './property.ts'

export interface AdminClientOptions {
  /** Default: TCP and TLS. */
  readonly connector?: Connector
  /** Share the connections of this node, and its properties; `close` leaves it alone. */
  readonly node?: ClientNode
  readonly logger?: Logger
}

type Validating = AdminOptions & { /** Only see whether it would succeed. */ readonly validateOnly?: boolean }

export class Admin {
  readonly node: ClientNode
  readonly #ownNode: boolean
  readonly #calls: AdminCalls

  constructor(properties: AdminConfig, options: AdminClientOptions = {}) {
    this.#ownNode = options.node === undefined
    this.node = options.node ?? ownNode(properties, options)
    this.#calls = new AdminCalls(this.node)
  }

  // --- topics

  createTopics(
    topics: readonly NewTopic[],
    { validateOnly = false, ...options }: Validating = {},
  ): PerItem<CreatedTopic> {
    return this.#calls.each('createTopics', { topics, validateOnly }, options)
  }

  /** By name or by id. */
  deleteTopics(topics: readonly TopicRef[], options?: AdminOptions): PerItem<void> {
    return this.#calls.each('deleteTopics', { topics }, options)
  }

  createPartitions(
    topics: readonly NewPartitions[],
    { validateOnly = false, ...options }: Validating = {},
  ): PerItem<void> {
    return this.#calls.each('createPartitions', { topics, validateOnly }, options)
  }

  /** `partitionsPerRequest`: larger topics take several requests (default 2000). */
  describeTopics(
    topics: readonly string[],
    { partitionsPerRequest = 2000, ...options }: AdminOptions & { readonly partitionsPerRequest?: number } = {},
  ): PerItem<TopicDescription> {
    return this.#calls.each('describeTopics', { topics, partitionsPerRequest }, options)
  }

  describeTopicsById(topicIds: readonly string[], options?: AdminOptions): PerItem<TopicDescription> {
    return this.#calls.each('describeTopicsById', { topicIds }, options)
  }

  /** `internal`: with `__consumer_offsets` and its like. */
  listTopics({ internal = false, ...options }: AdminOptions & { readonly internal?: boolean } = {}): Promise<
    TopicListing[]
  > {
    return this.#calls.one('listTopics', { internal }, options)
  }

  // --- configurations

  /** Each resource's entries by name; `keys` restricts them. */
  describeConfigs(
    resources: readonly (ConfigResource & { readonly keys?: readonly string[] })[],
    {
      includeSynonyms = false,
      includeDocumentation = false,
      ...options
    }: AdminOptions & { readonly includeSynonyms?: boolean; readonly includeDocumentation?: boolean } = {},
  ): PerItem<ReadonlyMap<string, ConfigEntry>> {
    return this.#calls.each('describeConfigs', { resources, includeSynonyms, includeDocumentation }, options)
  }

  /** Changes what is named and nothing else (KIP-339). */
  incrementalAlterConfigs(
    resources: readonly ConfigAlteration[],
    { validateOnly = false, ...options }: Validating = {},
  ): PerItem<void> {
    return this.#calls.each('incrementalAlterConfigs', { resources, validateOnly }, options)
  }

  // --- partitions

  listOffsets(
    partitions: readonly OffsetQuestion[],
    {
      isolation = 'read_uncommitted',
      ...options
    }: AdminOptions & { readonly isolation?: 'read_uncommitted' | 'read_committed' } = {},
  ): PerItem<ListedOffset> {
    return this.#calls.each('listOffsets', { partitions, isolation }, options)
  }

  deleteRecords(partitions: readonly RecordsToDelete[], options?: AdminOptions): PerItem<DeletedRecords> {
    return this.#calls.each('deleteRecords', { partitions }, options)
  }

  /** Of each leader, or of the replica on `broker`. */
  describeProducers(
    partitions: readonly TopicPartition[],
    { broker, ...options }: AdminOptions & { readonly broker?: number } = {},
  ): PerItem<PartitionProducers> {
    const args = broker === undefined ? { partitions } : { partitions, broker }
    return this.#calls.each('describeProducers', args, options)
  }

  // --- groups

  listGroups(options: ListGroupsOptions = {}): Promise<GroupListing[]> {
    return listGroups(this.#calls, options)
  }

  /** Of either protocol. */
  describeConsumerGroups(groups: readonly string[], options: DescribeGroupsOptions = {}): PerItem<GroupDescription> {
    return perItem(describeConsumerGroups(this.#calls, groups, options))
  }

  describeClassicGroups(
    groups: readonly string[],
    { includeAuthorizedOperations = false, ...options }: DescribeGroupsOptions = {},
  ): PerItem<GroupDescription> {
    return this.#calls.each('describeClassicGroups', { groups, includeAuthorizedOperations }, options)
  }

  deleteConsumerGroups(groups: readonly string[], options?: AdminOptions): PerItem<void> {
    return this.#calls.each('deleteGroups', { groups }, options)
  }

  /** Each group's offsets by `topic-partition`. `requireStable`: not before open transactions have decided on theirs. */
  listConsumerGroupOffsets(
    groups: readonly GroupOffsetsQuestion[],
    { requireStable = false, ...options }: AdminOptions & { readonly requireStable?: boolean } = {},
  ): PerItem<ReadonlyMap<string, CommittedOffset>> {
    return this.#calls.each('listGroupOffsets', { groups, requireStable }, options)
  }

  /** Only while the group has no members. */
  alterConsumerGroupOffsets(
    groupId: string,
    offsets: readonly NewGroupOffset[],
    options?: AdminOptions,
  ): PerItem<void> {
    return this.#calls.each('alterGroupOffsets', { groupId, offsets }, options)
  }

  /** Only of topics to which no member of the group is subscribed. */
  deleteConsumerGroupOffsets(
    groupId: string,
    partitions: readonly TopicPartition[],
    options?: AdminOptions,
  ): PerItem<void> {
    return this.#calls.each('deleteGroupOffsets', { groupId, partitions }, options)
  }

  /** Default: all members that it has now. */
  removeMembersFromConsumerGroup(groupId: string, options: RemoveMembersOptions = {}): PerItem<void> {
    return perItem(removeMembers(this.#calls, groupId, options))
  }

  // --- transactions

  async listTransactions({ timeoutMs, ...args }: AdminOptions & ListTransactionsArgs = {}): Promise<
    TransactionListing[]
  > {
    const options = timeoutMs === undefined ? {} : { timeoutMs }
    return (await allOf(this.#calls.items('listTransactions', args, options))).flat()
  }

  describeTransactions(transactionalIds: readonly string[], options?: AdminOptions): PerItem<TransactionDescription> {
    return this.#calls.each('describeTransactions', { transactionalIds }, options)
  }

  /** Ends a transaction in a partition whose coordinator knows nothing of it; `describeProducers` finds such (KIP-664). */
  abortTransaction(transaction: HangingTransaction, options?: AdminOptions): Promise<void> {
    return this.#calls.one('abortTransaction', { transaction }, options)
  }

  /** Aborts what these transactional ids have open; their producers are fenced. */
  fenceProducers(transactionalIds: readonly string[], options?: AdminOptions): PerItem<FencedProducer> {
    return this.#calls.each('fenceProducers', { transactionalIds }, options)
  }

  /** The same for one, when only the transaction matters (KIP-939). */
  async forceTerminateTransaction(transactionalId: string, options?: AdminOptions): Promise<void> {
    await this.#calls.one('fenceProducers', { transactionalIds: [transactionalId] }, options)
  }

  // --- cluster

  describeCluster({
    includeAuthorizedOperations = false,
    includeFencedBrokers = false,
    ...options
  }: AdminOptions & {
    readonly includeAuthorizedOperations?: boolean
    readonly includeFencedBrokers?: boolean
  } = {}): Promise<ClusterDescription> {
    return this.#calls.one('describeCluster', { includeAuthorizedOperations, includeFencedBrokers }, options)
  }

  describeMetadataQuorum(options?: AdminOptions): Promise<QuorumDescription> {
    return this.#calls.one('describeQuorum', {}, options)
  }

  /** `broker`: what that one supports; default: any. */
  describeFeatures({ broker, ...options }: AdminOptions & { readonly broker?: number } = {}): Promise<FeatureMetadata> {
    return this.#calls.one('describeFeatures', broker === undefined ? {} : { broker }, options)
  }

  updateFeatures(
    updates: readonly FeatureUpdate[],
    { validateOnly = false, ...options }: Validating = {},
  ): PerItem<void> {
    return this.#calls.each('updateFeatures', { updates, validateOnly }, options)
  }

  /** Forgets a broker that is gone for good. */
  unregisterBroker(broker: number, options?: AdminOptions): Promise<void> {
    return this.#calls.one('unregisterBroker', { broker }, options)
  }

  // --- where replicas are

  /** `replicas: null` cancels what is under way. */
  alterPartitionReassignments(
    partitions: readonly Reassignment[],
    {
      allowReplicationFactorChange = true,
      ...options
    }: AdminOptions & { readonly allowReplicationFactorChange?: boolean } = {},
  ): PerItem<void> {
    return this.#calls.each('alterPartitionReassignments', { partitions, allowReplicationFactorChange }, options)
  }

  /** Those under way; default: of all partitions. */
  listPartitionReassignments(
    partitions?: readonly TopicPartition[],
    options?: AdminOptions,
  ): Promise<OngoingReassignment[]> {
    return this.#calls.one('listPartitionReassignments', partitions ? { partitions } : {}, options)
  }

  /** null: elected. Else why not; ELECTION_NOT_NEEDED where the right one leads already. Default: all that need it. */
  async electLeaders(
    type: ElectionType,
    partitions?: readonly TopicPartition[],
    options?: AdminOptions,
  ): Promise<ReadonlyMap<string, KafkaError | null>> {
    const results = await this.#calls.one('electLeaders', partitions ? { type, partitions } : { type }, options)
    const outcome = ({ error, detail }: Election): KafkaError | null => (error === 0 ? null : kafkaError(error, detail))
    return new Map(results.map((election) => [keyOfPartition(election), outcome(election)]))
  }

  /** By broker; `partitions` restricts what is listed. */
  describeLogDirs(
    brokers: readonly number[],
    { partitions, ...options }: AdminOptions & { readonly partitions?: readonly TopicPartition[] } = {},
  ): PerItem<LogDirectory[]> {
    return this.#calls.each('describeLogDirs', partitions ? { brokers, partitions } : { brokers }, options)
  }

  /** Moves replicas between directories of the same broker; keyed `topic-partition@broker`. */
  alterReplicaLogDirs(replicas: readonly ReplicaMove[], options?: AdminOptions): PerItem<void> {
    return this.#calls.each('alterReplicaLogDirs', { replicas }, options)
  }

  // --- anything else

  /** Any request of the protocol by its API key; `body` and answer as the codecs of `@troupe/wire` have them. */
  request<Response extends object = object>(request: AnyRequest, options?: AdminOptions): Promise<Response> {
    return this.#calls.one('anyRequest', request, options) as Promise<Response>
  }

  close(): Promise<void> {
    if (this.#ownNode) this.node.close()
    return Promise.resolve()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

function ownNode(properties: AdminConfig, options: AdminClientOptions): ClientNode {
  const { 'client.id': clientId } = adminProperties(properties, options.logger ?? silentLogger)
  return new ClientNode({ ...options, properties: { ...properties, 'client.id': clientId as string } })
}
