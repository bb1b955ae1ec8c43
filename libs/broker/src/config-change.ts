/**
 * What AlterConfigs and IncrementalAlterConfigs share: resources that no controller could store are refused here, the
 * others are the controller's. Source: Kafka's ConfigAdminManager.preprocess.
 */
import { definitions } from '@troupe/config'
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import type { ApiHandler } from './api.ts'
import { isDynamic, resourceTypes } from './config-resources.ts'
import { ofTopics } from './config-texts.ts'
import { askController } from './controller.ts'

export const configGaps: readonly string[] = [
  'Levels of broker loggers cannot be changed: BROKER_LOGGER resources are refused with INVALID_REQUEST.',
  'alter.config.policy.class.name is not there: Java classes cannot be loaded.',
]

interface Resource {
  readonly resourceType: number
  readonly resourceName: string
  readonly configs: readonly { readonly name: string }[]
}

interface ChangeRequest {
  readonly resources: readonly Resource[]
}

interface ResourceAnswer {
  readonly resourceType?: number | undefined
  readonly resourceName?: string | undefined
  readonly errorCode?: number | undefined
  readonly errorMessage?: string | null | undefined
}

interface ChangeResponse {
  readonly responses?: readonly ResourceAnswer[] | undefined
}

interface ConfigChange {
  readonly key: number
  readonly minVersion: number
  readonly maxVersion: number
  readonly api: 'AlterConfigs' | 'IncrementalAlterConfigs'
}

export function defineConfigChange<Request extends ChangeRequest, Response extends ChangeResponse>({
  key,
  minVersion,
  maxVersion,
  api,
}: ConfigChange): ApiHandler<Request, Response> {
  return {
    key,
    minVersion,
    maxVersion,
    gaps: configGaps,
    handle(request, ctx) {
      const answers = new Map<Resource, ResourceAnswer>()
      for (const resource of request.resources) {
        const refusal = refuse(resource, request.resources, ctx.self)
        if (refusal !== null) answers.set(resource, answer(resource, KafkaError.INVALID_REQUEST, refusal))
      }
      const accepted = request.resources.filter((resource) => !answers.has(resource))
      const respond = (): void => {
        ctx.respond({ responses: request.resources.map((resource) => answers.get(resource)!) } as unknown as Response)
      }
      if (accepted.length === 0) return respond()
      askController<ChangeResponse>(ctx, api, { ...request, resources: accepted }, 0, {
        answered({ responses = [] }) {
          for (const resource of accepted) {
            const given = responses.find(
              (one) => one.resourceType === resource.resourceType && one.resourceName === resource.resourceName,
            )
            answers.set(resource, given ?? answer(resource, KafkaError.UNKNOWN_SERVER_ERROR, null))
          }
          respond()
        },
        refused(error) {
          for (const resource of accepted) answers.set(resource, answer(resource, error, null))
          respond()
        },
      })
    },
    failure: (request, error) =>
      ({ responses: request.resources.map((resource) => answer(resource, error, null)) }) as unknown as Response,
  }
}

function refuse(resource: Resource, all: readonly Resource[], self: number): string | null {
  const { resourceType, resourceName, configs } = resource
  const same = all.filter((one) => one.resourceType === resourceType && one.resourceName === resourceName)
  if (same.length > 1) return `Each resource must appear at most once: ${resourceName}`
  if (new Set(configs.map(({ name }) => name)).size < configs.length) return 'Each property must appear at most once'
  if (resourceType === resourceTypes.BROKER_LOGGER) return 'Levels of broker loggers cannot be changed'
  if (resourceType === resourceTypes.BROKER) return refuseOfBroker(resource, self)
  const known =
    resourceType === resourceTypes.TOPIC ||
    resourceType === resourceTypes.GROUP ||
    resourceType === resourceTypes.CLIENT_METRICS
  return known ? null : `Unsupported resource type ${resourceType}`
}

/** A broker takes changes for itself or for all, of what may change while it runs. */
function refuseOfBroker({ resourceName, configs }: Resource, self: number): string | null {
  if (resourceName !== '' && resourceName !== String(self)) {
    return `Unexpected broker id, expected ${self} or none, but received ${resourceName}`
  }
  const fixed = configs.map(({ name }) => name).filter((name) => isKnown(name) && !isDynamic(name, ofTopics))
  return fixed.length > 0 ? `These properties cannot change while the broker runs: ${fixed.join(', ')}` : null
}

function isKnown(name: string): boolean {
  return definitions.broker.has(name)
}

function answer(resource: Resource, errorCode: ErrorCode, errorMessage: string | null): ResourceAnswer {
  const { resourceType, resourceName } = resource
  return { resourceType, resourceName, errorCode, errorMessage }
}
