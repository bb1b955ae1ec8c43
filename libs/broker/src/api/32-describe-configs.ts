/**
 * DescribeConfigs (32), versions 1–4: properties in force, and where they come from (KIP-133).
 *
 * - v1 synonyms (KIP-226); v3 types and documentation (KIP-569)
 *
 * Resources: topics, brokers (this one, or '' for the defaults of all), broker loggers, client metrics (KIP-714), groups (KIP-848).
 */
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import type {
  DescribeConfigsRequest,
  DescribeConfigsRequest_DescribeConfigsResource,
  DescribeConfigsResponse_DescribeConfigsResultInput,
  DescribeConfigsResponseInput,
} from '@troupe/wire/messages'
import { defineApi } from '../api.ts'
import { resourceTypes } from '../config-resources.ts'
import {
  brokerDefaultEntries,
  brokerEntries,
  clientMetricsEntries,
  groupEntries,
  topicEntries,
  type ConfigEntry,
} from '../config-texts.ts'
import type { RequestContext } from '../context.ts'
import { isLegalTopicName } from '../topic-names.ts'

export const gaps: readonly string[] = [
  'Documentation texts are not there: the field is null.',
  'Broker loggers have no levels to show: the list is empty.',
]

type Resource = DescribeConfigsRequest_DescribeConfigsResource
type Refusal = { readonly error: ErrorCode; readonly message: string }

export const describeConfigs = defineApi<DescribeConfigsRequest, DescribeConfigsResponseInput>({
  key: 32,
  minVersion: 1,
  maxVersion: 4,
  gaps,
  handle(request, ctx) {
    ctx.respond({ results: request.resources.map((resource) => describe(resource, request.includeSynonyms, ctx)) })
  },
  failure: (request, errorCode) => ({
    results: request.resources.map(({ resourceType, resourceName }) => ({ errorCode, resourceType, resourceName })),
  }),
})

function describe(
  resource: Resource,
  includeSynonyms: boolean,
  ctx: RequestContext,
): DescribeConfigsResponse_DescribeConfigsResultInput {
  const { resourceType, resourceName, configurationKeys } = resource
  const entries = entriesOf(resource, ctx)
  if (!Array.isArray(entries)) {
    const { error, message } = entries as Refusal
    return { errorCode: error, errorMessage: message, resourceType, resourceName }
  }
  const wanted = configurationKeys === null || configurationKeys.length === 0 ? null : new Set(configurationKeys)
  const configs = (entries as ConfigEntry[])
    .filter(({ name }) => wanted === null || wanted.has(name))
    .map(({ configType, synonyms, ...entry }) => ({
      ...entry,
      synonyms: includeSynonyms ? synonyms : [],
      documentation: null,
      ...(ctx.version >= 3 ? { configType } : {}),
    }))
  return { errorCode: KafkaError.NONE, resourceType, resourceName, configs }
}

function entriesOf({ resourceType, resourceName }: Resource, ctx: RequestContext): ConfigEntry[] | Refusal {
  const { cluster, config } = ctx.env
  const layers = { cluster, config, broker: ctx.self }
  switch (resourceType) {
    case resourceTypes.TOPIC:
      if (!isLegalTopicName(resourceName)) {
        return { error: KafkaError.INVALID_TOPIC_EXCEPTION, message: `Illegal topic name ${resourceName}` }
      }
      return cluster.topic(resourceName)
        ? topicEntries(layers, resourceName)
        : { error: KafkaError.UNKNOWN_TOPIC_OR_PARTITION, message: '' }
    case resourceTypes.BROKER:
      if (resourceName === '') return brokerDefaultEntries(layers)
      return resourceName === String(ctx.self) ? brokerEntries(layers) : wrongBroker(resourceName, ctx)
    case resourceTypes.BROKER_LOGGER:
      return resourceName === String(ctx.self) ? [] : wrongBroker(resourceName, ctx)
    case resourceTypes.CLIENT_METRICS:
      return resourceName === '' ? invalid('Client metrics need a name') : clientMetricsEntries(layers, resourceName)
    case resourceTypes.GROUP:
      return resourceName === '' ? invalid('Groups need a name') : groupEntries(layers, resourceName)
    default:
      return invalid(`Unsupported resource type ${resourceType}`)
  }
}

function invalid(message: string): Refusal {
  return { error: KafkaError.INVALID_REQUEST, message }
}

function wrongBroker(resourceName: string, ctx: RequestContext): Refusal {
  return invalid(`This is broker ${ctx.self}; the resource names ${resourceName === '' ? 'none' : resourceName}`)
}
