/** What an embedded cluster is started with: Kafka's properties, with defaults for a test. */
import type { Report } from '@troupe/runtime/control'
import { resolveSettings, type Settings } from '@troupe/runtime/settings'

export interface EmbeddedOptions {
  /** Default: 3. */
  readonly brokers?: number
  /** Where the data is kept, and found again by a later start. Default: in memory, gone at the end. */
  readonly directory?: string
  /**
   * Whether clients can join over TCP too: `true`, each broker on a free port of 127.0.0.1; false, over `cluster.connector`
   * only; or Kafka's `listeners`. Default: true.
   */
  readonly listeners?: boolean | string
  /** The brokers' properties, by Kafka's names. */
  readonly properties?: Readonly<Record<string, string | number | boolean>>
  /** What the brokers report, as the app would log it (default level: warn; `troupe.log.level`). */
  readonly onReport?: (report: Report) => void
}

const freePorts = 'PLAINTEXT://127.0.0.1:0'

/** What a topic that nobody has told otherwise survives; beyond it only time is lost. */
const mostReplicas = 3

/** Three partitions serve a test as well as fifty, and are there sooner. */
const testDefaults = {
  'offsets.topic.num.partitions': '3',
  'transaction.state.log.num.partitions': '3',
  'troupe.log.level': 'warn',
}

export function embeddedSettings(options: EmbeddedOptions, directory: string): Settings {
  const { brokers = 3, listeners = true, properties = {} } = options
  const settings = resolveSettings(
    new Map([
      ...Object.entries(testDefaults),
      ['default.replication.factor', String(Math.min(mostReplicas, brokers))],
      ['listeners', typeof listeners === 'string' ? listeners : freePorts],
      ...Object.entries(properties).map(([name, value]): [string, string] => [name, String(value)]),
      ['troupe.brokers', String(brokers)],
      ['log.dirs', directory],
    ]),
  )
  return listeners === false ? { ...settings, listeners: () => [], advertised: () => [] } : settings
}
