/** Properties by Kafka's names, as texts or as values. */
import type { AdminProperties, NetworkProperties, ProducerProperties } from '../config.ts'
import { adminDefaults, networkDefaults, producerDefaults } from '../config.ts'
import { consumerDefaults, type ConsumerProperties } from '../consumer/config.ts'

export type Property = string | number | boolean | readonly string[] | null | undefined
export type Properties = Readonly<Record<string, Property>>

function pick(defaults: object, properties: Properties): Record<string, unknown> {
  const out: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(properties)) {
    if (!(name in defaults) || value === undefined) continue
    const standard = (defaults as Record<string, unknown>)[name]
    if (Array.isArray(standard) && typeof value === 'string') out[name] = value.split(',')
    else if (typeof standard === 'number' && typeof value === 'string') out[name] = Number(value)
    else if (typeof standard === 'boolean' && typeof value === 'string') out[name] = value === 'true'
    else out[name] = value
  }
  return out
}

export function nodeProperties(properties: Properties): {
  network: Partial<NetworkProperties>
  admin: Partial<AdminProperties>
} {
  return { network: pick(networkDefaults, properties), admin: pick(adminDefaults, properties) }
}

export function producerProperties(properties: Properties): Partial<ProducerProperties> {
  return { ...pick(producerDefaults, properties), ...(properties.acks === 'all' ? { acks: -1 } : {}) }
}

export function consumerProperties(properties: Properties): Partial<ConsumerProperties> {
  return pick(consumerDefaults, properties)
}
