/** Which names a topic may have. Source: Kafka's Topic.validate, Topic.hasCollision. */
import { KafkaError } from '@troupe/wire/errors'
import type { MetadataImage } from '../image/image.ts'
import { failure, type ApiError } from './decision.ts'

const MAX_LENGTH = 249

export function topicNameError(name: string): ApiError | null {
  const refuse = (why: string): ApiError => failure(KafkaError.INVALID_TOPIC_EXCEPTION, `Topic name is invalid: ${why}`)
  if (name === '') return refuse('it is empty')
  if (name === '.' || name === '..') return refuse("it is '.' or '..'")
  if (name.length > MAX_LENGTH) return refuse(`it has ${name.length} characters, more than ${MAX_LENGTH}`)
  if (!/^[a-zA-Z0-9._-]+$/.test(name))
    return refuse(`'${name}' has characters other than ASCII alphanumerics, '.', '_' and '-'`)
  return null
}

/** Metric names do not tell '.' from '_', so no two topics may differ in these only. */
const folded = (name: string): string => name.replaceAll('.', '_')

export function collisionError(image: MetadataImage, name: string): ApiError | null {
  if (!/[._]/.test(name)) return null
  const own = folded(name)
  for (const other of image.topicsByName.keys()) {
    if (other !== name && folded(other) === own) {
      return failure(KafkaError.INVALID_TOPIC_EXCEPTION, `Topic '${name}' collides with existing topic: ${other}`)
    }
  }
  return null
}
