/**
 * A stage for transcripts of the controller's decisions: each line is a request, the indented lines are the records it writes
 * and its answer, complete. Records are replayed at once, so the next line sees them.
 */
import { allSafeguards } from '@troupe/actor'
import { resolveBrokerConfig } from '@troupe/config'
import { errorName } from '@troupe/wire/errors'
import type { PartitionChangeRecordInput, PartitionRecordInput } from '@troupe/wire/messages'
import { touchSession } from '../src/controller/brokers.ts'
import { decide, type DecidedApi } from '../src/controller/decide.ts'
import { forgetConfigs, noConfigs } from '../src/controller/decision.ts'
import type { ControllerState, DecideEnv, Decision } from '../src/controller/decision.ts'
import { bootstrapRecords, supportedFeatures } from '../src/controller/features.ts'
import { electPreferredLeaders, fenceBroker } from '../src/controller/leadership.ts'
import { MetadataImage } from '../src/image/image.ts'
import type { KnownRecord } from '../src/records.ts'
import { CLUSTER_ID, directoryIdOf } from './simulation.ts'

const zero = 'AAAAAAAAAAAAAAAAAAAAAA'
const numbers = (text: string): number[] => (text === '' ? [] : text.split(',').map(Number))

export class Stage {
  readonly state: ControllerState = {
    image: new MetadataImage(CLUSTER_ID),
    sessions: new Map(),
    configs: noConfigs(),
  }
  readonly #env: { -readonly [Field in keyof DecideEnv]: DecideEnv[Field] }
  #lives = 0
  #seed = 0

  constructor() {
    this.#env = {
      now: 1000,
      random: () => (this.#seed += 7919),
      safeguards: allSafeguards,
      config: resolveBrokerConfig(new Map([['min.insync.replicas', '2']])).config,
      nextOffset: 0,
    }
    this.#write(bootstrapRecords(this.state, this.#env))
  }

  #write(records: readonly KnownRecord[]): void {
    if (records.length === 0) return
    const { image, configs } = this.state
    const delta = image.apply(records, this.#env.nextOffset + records.length - 1, 1, this.#env.now)
    if (delta.configs.size > 0) forgetConfigs(configs)
    this.#env.nextOffset += records.length
  }

  /** Runs one line; returns what was written and answered. */
  run(line: string): string[] {
    const [verb, ...words] = line.trim().split(/\s+/)
    const options = new Map(
      words.filter((word) => word.includes('=')).map((word) => word.split('=', 2) as [string, string]),
    )
    const names = words.filter((word) => !word.includes('='))
    switch (verb) {
      case 'wait':
        this.#env.now += Number(names[0])
        return []
      case 'fence-crashed':
        return this.#direct(fenceBroker(this.state, this.#env, Number(names[0])))
      case 'rebalance':
        return this.#direct(electPreferredLeaders(this.state, this.#env))
      case 'show':
        return this.#show(names[0]!)
      default:
        return this.#request(verb!, names, options)
    }
  }

  #direct(records: readonly KnownRecord[]): string[] {
    const lines = records.map((record) => this.#render(record))
    this.#write(records)
    return lines
  }

  #request(verb: string, names: string[], options: Map<string, string>): string[] {
    const [api, body] = this.#body(verb, names, options)
    const decision: Decision = decide(this.state, api, body, this.#env)
    const lines = this.#direct(decision.records)
    const errorCode = (decision.response as { errorCode?: number }).errorCode ?? 0
    if (errorCode === 0 && (api === 'BrokerRegistration' || api === 'BrokerHeartbeat')) {
      const { brokerId, currentMetadataOffset = -1 } = body as { brokerId: number; currentMetadataOffset?: number }
      touchSession(this.state, this.#env, brokerId, currentMetadataOffset, this.#env.nextOffset)
    }
    return [...lines, ...answers(api, decision.response)]
  }

  #body(verb: string, names: string[], options: Map<string, string>): [DecidedApi, any] {
    const [name = ''] = names
    const id = Number(name)
    const topic = name.replace(/-\d+$/, '')
    const index = Number(/-(\d+)$/.exec(name)?.[1] ?? 0)
    const { image } = this.state
    switch (verb) {
      case 'register':
        return ['BrokerRegistration', this.#registration(id, options)]
      case 'heartbeat':
        return [
          'BrokerHeartbeat',
          {
            brokerId: id,
            brokerEpoch: Number(options.get('epoch') ?? image.brokers.get(id)?.epoch ?? -1),
            currentMetadataOffset: Number(options.get('offset') ?? image.offset),
            wantFence: names.includes('fence'),
            wantShutDown: names.includes('shutdown'),
            offlineLogDirs: [],
            cordonedLogDirs: null,
          },
        ]
      case 'unregister':
        return ['UnregisterBroker', { brokerId: id }]
      case 'create':
        return ['CreateTopics', this.#creation(names, options)]
      case 'delete':
        return ['DeleteTopics', { topics: [{ name, topicId: zero }], topicNames: [], timeoutMs: 1 }]
      case 'partitions':
        return [
          'CreatePartitions',
          {
            topics: [{ name, count: Number(options.get('count')), assignments: null }],
            timeoutMs: 1,
            validateOnly: false,
          },
        ]
      case 'isr':
        return ['AlterPartition', this.#alteration(topic, index, options)]
      case 'set':
        return [
          'IncrementalAlterConfigs',
          configs(
            names,
            [...options].map(([key, value]) => [key, 0, value]),
          ),
        ]
      case 'unset':
        return ['IncrementalAlterConfigs', configs(names, [[names[2]!, 1, null]])]
      case 'append':
        return [
          'IncrementalAlterConfigs',
          configs(
            names,
            [...options].map(([key, value]) => [key, 2, value]),
          ),
        ]
      case 'elect':
        return [
          'ElectLeaders',
          {
            electionType: options.get('type') === 'unclean' ? 1 : 0,
            topicPartitions: [{ topic, partitions: [index] }],
            timeoutMs: 1,
          },
        ]
      case 'reassign':
        return [
          'AlterPartitionReassignments',
          {
            timeoutMs: 1,
            allowReplicationFactorChange: !names.includes('same-size'),
            topics: [
              {
                name: topic,
                partitions: [
                  { partitionIndex: index, replicas: options.has('to') ? numbers(options.get('to')!) : null },
                ],
              },
            ],
          },
        ]
      case 'reassignments':
        return ['ListPartitionReassignments', { timeoutMs: 1, topics: null }]
      case 'feature':
        return [
          'UpdateFeatures',
          {
            timeoutMs: 1,
            validateOnly: false,
            featureUpdates: [
              {
                feature: name,
                maxVersionLevel: Number(names[1]),
                allowDowngrade: false,
                upgradeType: names.includes('downgrade') ? 2 : 1,
              },
            ],
          },
        ]
      case 'producer-ids':
        return ['AllocateProducerIds', { brokerId: id, brokerEpoch: image.brokers.get(id)?.epoch ?? -1 }]
      default:
        throw new TypeError(`no such step: ${verb}`)
    }
  }

  #registration(brokerId: number, options: Map<string, string>): object {
    const life = options.get('life') ?? String(++this.#lives)
    return {
      brokerId,
      clusterId: options.get('cluster') ?? CLUSTER_ID,
      incarnationId: `aW5jYXJuYXRpb24${brokerId}${life.padStart(5, '0')}A`,
      listeners: [{ name: 'PLAINTEXT', host: 'h', port: 9091 + brokerId, securityProtocol: 0 }],
      features: [...supportedFeatures].map(([name, { min, max }]) => ({
        name,
        minSupportedVersion: min,
        maxSupportedVersion: max,
      })),
      rack: null,
      isMigratingZkBroker: false,
      logDirs: [directoryIdOf(brokerId)],
      previousBrokerEpoch: options.get('clean') === 'yes' ? (this.state.image.brokers.get(brokerId)?.epoch ?? -1) : -1,
    }
  }

  #creation([name]: string[], options: Map<string, string>): object {
    const assign = options.get('assign')
    const assignments = assign
      ? assign.split(';').map((ids, partitionIndex) => ({ partitionIndex, brokerIds: numbers(ids) }))
      : []
    const own = new Set(['assign', 'partitions', 'rf', 'validate'])
    return {
      timeoutMs: 1,
      validateOnly: options.has('validate'),
      topics: [
        {
          name: name === "''" ? '' : name,
          assignments,
          numPartitions: Number(options.get('partitions') ?? (assign ? -1 : 1)),
          replicationFactor: Number(options.get('rf') ?? (assign ? -1 : 1)),
          configs: [...options].filter(([key]) => !own.has(key)).map(([key, value]) => ({ name: key, value })),
        },
      ],
    }
  }

  #alteration(name: string, partitionIndex: number, options: Map<string, string>): object {
    const { image } = this.state
    const topic = image.topic(name)
    const partition = topic?.partitions[partitionIndex]
    const leader = Number(options.get('from') ?? partition?.leader ?? -1)
    const members = (options.get('to') ?? '').split(',').map((text) => {
      const [id, epoch] = text.split(':')
      return { brokerId: Number(id), brokerEpoch: Number(epoch ?? image.brokers.get(Number(id))?.epoch ?? -1) }
    })
    return {
      brokerId: leader,
      brokerEpoch: Number(options.get('brokerEpoch') ?? image.brokers.get(leader)?.epoch ?? -1),
      topics: [
        {
          topicId: topic?.id ?? zero,
          partitions: [
            {
              partitionIndex,
              leaderEpoch: Number(options.get('leaderEpoch') ?? partition?.leaderEpoch ?? 0),
              newIsr: [],
              newIsrWithEpochs: members,
              leaderRecoveryState: options.get('state') === 'recovering' ? 1 : 0,
              partitionEpoch: Number(options.get('partitionEpoch') ?? partition?.partitionEpoch ?? 0),
            },
          ],
        },
      ],
    }
  }

  #show(name: string): string[] {
    const topic = this.state.image.topic(name)
    return (topic?.partitions ?? []).map(
      (p) =>
        `${name}-${p.partition} replicas=${p.replicas} isr=${p.isr}${p.elr.length > 0 ? ` elr=${p.elr}` : ''}` +
        ` leader=${p.leader} leaderEpoch=${p.leaderEpoch} partitionEpoch=${p.partitionEpoch}${p.leaderRecoveryState ? ' recovering' : ''}`,
    )
  }

  #render({ type, value }: KnownRecord): string {
    const { image } = this.state
    const record = value as any
    const topic = (id: string): string => image.topicById(id)?.name ?? 'new'
    const name = type.replace(/Record$/, '')
    switch (type) {
      case 'RegisterBrokerRecord':
        return `${name} ${record.brokerId} epoch=${record.brokerEpoch}${record.fenced ? ' fenced' : ''}`
      case 'BrokerRegistrationChangeRecord':
        return [
          `${name} ${record.brokerId}`,
          ...(record.fenced ? [record.fenced > 0 ? 'fenced' : 'unfenced'] : []),
          ...(record.inControlledShutdown ? ['controlled-shutdown'] : []),
        ].join(' ')
      case 'TopicRecord':
        return `${name} ${record.name}`
      case 'RemoveTopicRecord':
        return `${name} ${topic(record.topicId)}`
      case 'PartitionRecord': {
        const { partitionId, replicas, isr, leader } = record as PartitionRecordInput
        return `${name} ${partitionId} replicas=${replicas} isr=${isr} leader=${leader}`
      }
      case 'PartitionChangeRecord': {
        const change = record as PartitionChangeRecordInput
        const parts = (
          [
            'replicas',
            'addingReplicas',
            'removingReplicas',
            'isr',
            'eligibleLeaderReplicas',
            'lastKnownElr',
            'leader',
            'leaderRecoveryState',
          ] as const
        )
          .filter((field) => change[field] !== undefined)
          .map((field) => `${field}=${change[field]}`)
        return `${name} ${topic(change.topicId!)}-${change.partitionId} ${parts.join(' ')}`
      }
      case 'ConfigRecord':
        return `${name} ${record.resourceType}:${record.resourceName} ${record.name}=${record.value}`
      default:
        return `${name} ${Object.entries(record)
          .map(([key, text]) => `${key}=${text}`)
          .join(' ')}`.trim()
    }
  }
}

function configs([type, name = '']: string[], changes: [string, number, string | null][]): object {
  const resourceType = { topic: 2, broker: 4, 'client-metrics': 16, group: 32 }[type!]
  const resourceName = name === 'default' ? '' : name
  return {
    validateOnly: false,
    resources: [
      {
        resourceType,
        resourceName,
        configs: changes.map(([key, configOperation, value]) => ({ name: key, configOperation, value })),
      },
    ],
  }
}

/** Every error code in the answer, with what else tells something. */
function answers(api: DecidedApi, response: any): string[] {
  const errors: string[] = []
  const visit = (value: any): void => {
    if (typeof value !== 'object' || value === null) return
    const label = value.name ?? value.topic ?? value.partitionIndex ?? value.partitionId ?? value.resourceName ?? ''
    if (value.errorCode) errors.push(`answer ${label} ${errorName(value.errorCode)}`.replace('  ', ' '))
    for (const inner of Object.values(value)) if (Array.isArray(inner)) inner.forEach(visit)
  }
  visit(response)
  if (errors.length > 0) return errors
  switch (api) {
    case 'BrokerRegistration':
      return [`answer epoch=${response.brokerEpoch}`]
    case 'BrokerHeartbeat':
      return [
        `answer${response.isCaughtUp ? ' caught-up' : ''}${response.isFenced ? ' fenced' : ''}${response.shouldShutDown ? ' go' : ''}`,
      ]
    case 'AllocateProducerIds':
      return [`answer ${response.producerIdStart}+${response.producerIdLen}`]
    case 'AlterPartition': {
      const { leaderId, leaderEpoch, isr, partitionEpoch } = response.topics[0].partitions[0]
      return [`answer leader=${leaderId} leaderEpoch=${leaderEpoch} isr=${isr} partitionEpoch=${partitionEpoch}`]
    }
    case 'ListPartitionReassignments':
      return response.topics.flatMap((topic: any) =>
        topic.partitions.map(
          (p: any) =>
            `answer ${topic.name}-${p.partitionIndex} replicas=${p.replicas} adding=${p.addingReplicas} removing=${p.removingReplicas}`,
        ),
      )
    default:
      return ['answer NONE']
  }
}
