/**
 * A pipeline's properties by Kafka Streams' names, parsed; defaults of Kafka 4.3 but for `statestore.cache.max.bytes`,
 * which is 0 here: every update of a table is seen downstream. Source: StreamsConfig.
 */

/** What becomes of a record that cannot be read, processed or written (KIP-161, KIP-210, KIP-1033, KIP-1034). */
export type ExceptionHandler = 'fail' | 'continue' | 'dead-letter'

export const pipelineDefaults = {
  'processing.guarantee': 'at_least_once' as 'at_least_once' | 'exactly_once_v2',
  /** null: 100 under exactly_once_v2, 30,000 otherwise. */
  'commit.interval.ms': null as number | null,
  'poll.ms': 100,
  'buffered.records.per.partition': 1000,
  /** −1: never wait for other inputs. 0: for what the brokers have already. More: also for what may still come. */
  'max.task.idle.ms': 0,
  'num.standby.replicas': 0,
  /** Of internal topics; −1: the brokers' default. */
  'replication.factor': -1,
  'statestore.cache.max.bytes': 0,
  'errors.dead.letter.queue.topic.name': null as string | null,
  'deserialization.exception.handler': 'fail' as ExceptionHandler,
  'processing.exception.handler': 'fail' as ExceptionHandler,
  'production.exception.handler': 'fail' as ExceptionHandler,
  /** Consumed records of repartition topics are deleted this often; −1: never. */
  'repartition.purge.interval.ms': 30_000,
  /** Of changelogs of windows, beyond what the window needs: by the brokers' clock, so more for event time of long ago. */
  'windowstore.changelog.additional.retention.ms': 86_400_000,
  'retry.backoff.ms': 100,
}

export type PipelineProperties = Readonly<typeof pipelineDefaults>

export function isExactlyOnce(config: PipelineProperties): boolean {
  return config['processing.guarantee'] === 'exactly_once_v2'
}

export function commitIntervalOf(config: PipelineProperties): number {
  return config['commit.interval.ms'] ?? (isExactlyOnce(config) ? 100 : 30_000)
}
