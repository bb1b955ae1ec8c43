/**
 * IncrementalAlterConfigs and AlterConfigs for topics, brokers, groups and client metrics.
 *
 * With eligible leader replicas, min.insync.replicas is a promise about the high watermark: changing it clears the ELR, and
 * the cluster-wide value can't be removed (KIP-966). Source: Kafka's ConfigurationControlManager.
 */
import { definitions, validateBrokerConfig, validateGroupConfig, validateTopicConfig } from '@troupe/config'
import { KafkaError } from '@troupe/wire/errors'
import type {
  AlterConfigsRequest,
  AlterConfigsResponseInput,
  IncrementalAlterConfigsRequest,
  IncrementalAlterConfigsResponseInput,
} from '@troupe/wire/messages'
import { configTypeOf, resourceTypes, type ConfigType } from '../image/types.ts'
import type { KnownRecord } from '../records.ts'
import { isElrEnabled } from './cluster.ts'
import { failure, isFailure, ok, type ApiError, type ControllerState, type Decision } from './decision.ts'
import { topicNameError } from './topic-names.ts'

const MIN_ISR = 'min.insync.replicas'
/** AlterConfigOp.OpType. */
const operations = { set: 0, delete: 1, append: 2, subtract: 3 } as const

interface Resource {
  readonly type: ConfigType
  readonly name: string
}

export function incrementalAlterConfigs(state: ControllerState, request: IncrementalAlterConfigsRequest): Decision {
  const records: KnownRecord[] = []
  const response: IncrementalAlterConfigsResponseInput = {
    responses: request.resources.map(({ resourceType, resourceName, configs }) => {
      const type = configTypeOf(resourceType)
      let error = type ? resourceError(state, { type, name: resourceName }) : unknownType(resourceType)
      if (new Set(configs.map(({ name }) => name)).size !== configs.length) {
        error = failure(KafkaError.INVALID_REQUEST, 'A config key is given twice.')
      }
      const target = error ?? (type ? operate(state, { type, name: resourceName }, configs) : ok)
      const outcome = isFailure(target)
        ? target
        : commit(state, { type: type!, name: resourceName }, target as Map<string, string>)
      if (!isFailure(outcome)) records.push(...(outcome as KnownRecord[]))
      return answer(resourceType, resourceName, outcome)
    }),
  }
  return { records: request.validateOnly ? [] : records, response }
}

/** The old form: what is not named is reset. */
export function alterConfigs(state: ControllerState, request: AlterConfigsRequest): Decision {
  const records: KnownRecord[] = []
  const response: AlterConfigsResponseInput = {
    responses: request.resources.map(({ resourceType, resourceName, configs }) => {
      const type = configTypeOf(resourceType)
      const error = type ? resourceError(state, { type, name: resourceName }) : unknownType(resourceType)
      const values = new Map<string, string>()
      for (const { name, value } of configs) if (value !== null) values.set(name, value)
      const nulls = configs.filter(({ value }) => value === null).map(({ name }) => name)
      const nullError =
        nulls.length > 0
          ? failure(KafkaError.INVALID_REQUEST, `Null values are not allowed: ${nulls.join(', ')}`)
          : null
      const outcome = error ?? nullError ?? commit(state, { type: type!, name: resourceName }, values)
      if (!isFailure(outcome)) records.push(...(outcome as KnownRecord[]))
      return answer(resourceType, resourceName, outcome)
    }),
  }
  return { records: request.validateOnly ? [] : records, response }
}

function answer(
  resourceType: number,
  resourceName: string,
  outcome: unknown,
): {
  resourceType: number
  resourceName: string
  errorCode: number
  errorMessage: string | null
} {
  const { code, message } = isFailure(outcome) ? outcome : ok
  return { resourceType, resourceName, errorCode: code, errorMessage: message }
}

const unknownType = (resourceType: number): ApiError =>
  failure(KafkaError.INVALID_REQUEST, `Configs of resource type ${resourceType} can't be altered here.`)

function resourceError(state: ControllerState, { type, name }: Resource): ApiError | null {
  switch (type) {
    case 'topic':
      return state.image.topic(name)
        ? null
        : (topicNameError(name) ??
            failure(KafkaError.UNKNOWN_TOPIC_OR_PARTITION, `The topic '${name}' does not exist.`))
    case 'broker':
      if (name === '') return null
      if (!/^\d+$/.test(name)) return failure(KafkaError.INVALID_REQUEST, `'${name}' is not a broker id.`)
      return state.image.brokers.has(Number(name))
        ? null
        : failure(KafkaError.BROKER_ID_NOT_REGISTERED, `No node with id ${name} found.`)
    default:
      return name === '' ? failure(KafkaError.INVALID_REQUEST, `A ${type} resource needs a name.`) : null
  }
}

/** The resource's values after the operations. */
function operate(
  state: ControllerState,
  resource: Resource,
  configs: readonly { name: string; configOperation: number; value: string | null }[],
): Map<string, string> | ApiError {
  const values = new Map(state.image.configs(resource.type, resource.name))
  for (const { name, configOperation, value } of configs) {
    if (configOperation === operations.delete) {
      values.delete(name)
      continue
    }
    if (value === null) return failure(KafkaError.INVALID_REQUEST, `The value of ${name} is null.`)
    if (configOperation === operations.set) values.set(name, value)
    else if (configOperation === operations.append || configOperation === operations.subtract) {
      const definition = definitionOf(resource.type, name)
      if (definition?.type !== 'LIST')
        return failure(KafkaError.INVALID_CONFIG, `${name} is not a list: nothing can be appended or subtracted.`)
      const before = (values.get(name) ?? definition.default ?? '')
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== '')
      const items = value.split(',').map((item) => item.trim())
      const after =
        configOperation === operations.append
          ? [...before, ...items.filter((item) => !before.includes(item))]
          : before.filter((item) => !items.includes(item))
      values.set(name, after.join(','))
    } else return failure(KafkaError.INVALID_REQUEST, `There is no config operation ${configOperation}.`)
  }
  return values
}

function definitionOf(type: ConfigType, name: string): { type: string; default: string | null } | undefined {
  if (type === 'client-metrics') return clientMetrics.get(name)
  return definitions[type].get(name)
}

/** KIP-714. Source: Kafka's ClientMetricsConfigs. */
const clientMetrics = new Map([
  ['interval.ms', { type: 'INT', default: '300000' }],
  ['match', { type: 'LIST', default: '' }],
  ['metrics', { type: 'LIST', default: '' }],
])

function validate(type: ConfigType, values: ReadonlyMap<string, string>): string | null {
  switch (type) {
    case 'topic':
      return validateTopicConfig(values)
    case 'broker':
      return validateBrokerConfig(values)
    case 'group':
      return validateGroupConfig(values)
    case 'client-metrics': {
      const unknown = [...values.keys()].find((name) => !clientMetrics.has(name))
      if (unknown !== undefined) return `Unknown client metrics configuration ${unknown}`
      const interval = values.get('interval.ms')
      const inRange =
        interval === undefined || (/^\d+$/.test(interval) && Number(interval) >= 100 && Number(interval) <= 3_600_000)
      return inRange ? null : `Invalid value ${interval} for interval.ms, interval must be between 100 and 3600000`
    }
  }
}

/** The records that take the resource to `after`, or what is wrong with it. */
function commit(
  state: ControllerState,
  { type, name }: Resource,
  after: ReadonlyMap<string, string>,
): KnownRecord[] | ApiError {
  const before = state.image.configs(type, name)
  const changed = [...new Set([...before.keys(), ...after.keys()])].filter((key) => before.get(key) !== after.get(key))
  const problem = validate(type, after)
  if (problem) return failure(KafkaError.INVALID_CONFIG, problem)
  const minIsrChanges = changed.includes(MIN_ISR) && isElrEnabled(state)
  if (minIsrChanges && type === 'broker') {
    if (name !== '')
      return failure(KafkaError.INVALID_CONFIG, `${MIN_ISR} of one broker can't be altered while ELR is enabled.`)
    if (!after.has(MIN_ISR))
      return failure(KafkaError.INVALID_CONFIG, `The cluster's ${MIN_ISR} can't be removed while ELR is enabled.`)
  }
  const records: KnownRecord[] = changed.sort().map((key) => ({
    type: 'ConfigRecord',
    value: { resourceType: resourceTypes[type], resourceName: name, name: key, value: after.get(key) ?? null },
  }))
  if (minIsrChanges) records.push({ type: 'ClearElrRecord', value: { topicName: type === 'topic' ? name : '' } })
  return records
}
