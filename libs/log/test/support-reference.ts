/** Apache Kafka beside our log: its dump tool, its broker, its clients. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compileJava, runJava } from '@troupe/tools/reference/java'
import { kafkaClasspath } from '@troupe/tools/reference/maven'

const classpath = kafkaClasspath()

/** Why there is no Java here, or undefined. */
export const skipped = typeof classpath === 'string' ? undefined : classpath.skipped

export function classpathOfKafka(): string {
  return classpath as string
}

export function temporaryDirectory(): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'troupe-log-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

/** What `kafka-dump-log` says of the files. */
export async function dumpLog(files: readonly string[], ...options: string[]): Promise<string> {
  const args = ['--files', files.join(','), ...options]
  const { status, stdout, stderr } = await runJava(classpathOfKafka(), 'org.apache.kafka.tools.DumpLogSegments', args)
  if (status !== 0) throw new RangeError(`kafka-dump-log ended with ${status}: ${stdout}${stderr}`)
  return stdout + stderr
}

export interface Observed {
  ends: Map<string, number>
  maxTimestamps: Map<string, { offset: number; timestamp: number }>
  /** By topic: `id epoch sequence timestamp coordinatorEpoch transactionStart`, sorted. */
  producers: Map<string, string[]>
  /** By isolation level and topic: `offset timestamp leaderEpoch key value`. */
  records: Map<string, string[]>
}

export async function kafkaLogs(command: 'write' | 'read', bootstrap: string): Promise<Observed> {
  const path = compileJava(join(import.meta.dirname, 'java'), classpathOfKafka())
  const { status, stdout, stderr } = await runJava(path, 'KafkaLogs', [command, bootstrap])
  if (status !== 0) throw new RangeError(`KafkaLogs ended with ${status}: ${stderr}`)
  const observed: Observed = { ends: new Map(), maxTimestamps: new Map(), producers: new Map(), records: new Map() }
  const add = (to: Map<string, string[]>, key: string, value: string): void =>
    void to.set(key, [...(to.get(key) ?? []), value])
  const grouped = new Map<string, string[]>()
  for (const line of stdout.trimEnd().split('\n')) {
    const [kind, topic, ...rest] = line.split('\t')
    if (kind === 'end') observed.ends.set(topic, Number(rest[0]))
    else if (kind === 'max') observed.maxTimestamps.set(topic, { offset: Number(rest[0]), timestamp: Number(rest[1]) })
    else if (kind === 'producer') add(observed.producers, topic, rest.join(' '))
    else {
      const key = `${kind} ${topic}`
      const list = grouped.get(key) ?? []
      grouped.set(key, list)
      list.push(rest.join(' '))
    }
  }
  observed.records = grouped
  for (const list of observed.producers.values()) list.sort()
  return observed
}
