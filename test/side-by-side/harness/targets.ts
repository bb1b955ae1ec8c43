/** The two clusters that are held against each other, started with the same properties. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Cluster } from '@troupe/tools/cluster'
import { startApacheKafka } from '@troupe/tools/reference/apache-kafka'
import type { Target } from './session.ts'

export interface Running {
  readonly target: Target
  stop(): Promise<void>
}

/** Small internal topics and short sweeps keep the run short; all else is as it comes. */
export const properties: Readonly<Record<string, string>> = {
  // The scenarios' timestamps are long ago: the first pass of retention, 30 s after a start, would take their records.
  'log.initial.task.delay.ms': '3600000',
  'offsets.topic.num.partitions': '2',
  'transaction.state.log.num.partitions': '2',
  'transaction.abort.timed.out.transaction.cleanup.interval.ms': '200',
  'group.min.session.timeout.ms': '100',
  'group.initial.rebalance.delay.ms': '10',
  // Kafka keeps an EndTxn waiting for its markers; a retry that comes too early is told at once.
  'add.partitions.to.txn.retry.backoff.ms': '1',
}

export function addressesOf(bootstrap: string): Target['addresses'] {
  return new Map(
    bootstrap.split(',').map((address, index) => {
      const [host, port] = address.split(':') as [string, string]
      return [index + 1, { host, port: Number(port) }]
    }),
  )
}

export async function startKafka(classpath: string, nodes: 1 | 3): Promise<Running> {
  const directory = mkdtempSync(join(tmpdir(), 'troupe-side-by-side-'))
  const kafka = await startApacheKafka({ classpath, directory, nodes, properties, heap: '512m', silent: true })
  return {
    target: { name: 'Apache Kafka', addresses: addressesOf(kafka.bootstrap) },
    stop: async () => {
      await kafka.stop('SIGKILL')
      rmSync(directory, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

export async function startTroupe(brokers: 1 | 3): Promise<Running & { readonly cluster: Cluster }> {
  const cluster = await Cluster.start({ brokers, properties })
  return {
    cluster,
    target: { name: 'Troupe', addresses: addressesOf(cluster.bootstrap) },
    stop: async () => void (await cluster.stop()),
  }
}
