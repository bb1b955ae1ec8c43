/** Questions to Apache Kafka's own classes (`test/java/WireHarness.java`), all of them to one process. */
import { join } from 'node:path'
import type { Message } from '@troupe/tools/generate/schema'
import { compileJava, runJava } from '@troupe/tools/reference/java'
import { kafkaClasspath } from '@troupe/tools/reference/maven'

/** Why there is no Java here, or undefined. In CI its absence is an error. */
export const skipped = ((): string | undefined => {
  const classpath = kafkaClasspath()
  return typeof classpath === 'string' ? undefined : classpath.skipped
})()

export class Questions {
  private readonly lines: string[] = []
  private readonly checks: ((answer: string) => void)[] = []

  /** `check` gets the answer when all questions have been asked. */
  ask(fields: readonly (string | number | boolean)[], check: (answer: string) => void): void {
    this.lines.push(fields.join('\t'))
    this.checks.push(check)
  }

  get count(): number {
    return this.lines.length
  }

  async answer(): Promise<void> {
    const classpath = compileJava(join(import.meta.dirname, '..', 'java'), kafkaClasspath() as string)
    const { status, stdout, stderr } = await runJava(
      classpath,
      'WireHarness',
      [],
      this.lines.map((line) => `${line}\n`).join(''),
    )
    if (status !== 0) throw new RangeError(`the harness ended with ${status}: ${stderr}`)
    const answers = stdout.trimEnd().split('\n')
    if (answers.length !== this.lines.length)
      throw new RangeError(`${answers.length} answers to ${this.lines.length} questions`)
    answers.forEach((answer, index) => this.checks[index](answer))
  }
}

const PACKAGES: Record<string, string> = {
  clients: 'org.apache.kafka.common.message',
  metadata: 'org.apache.kafka.common.metadata',
  raft: 'org.apache.kafka.raft.generated',
  'group-coordinator': 'org.apache.kafka.coordinator.group.generated',
  'transaction-coordinator': 'org.apache.kafka.coordinator.transaction.generated',
  'share-coordinator': 'org.apache.kafka.coordinator.share.generated',
}

export function javaClass(message: Message): string {
  const suffix = ['request', 'response', 'header'].includes(message.type) ? 'Data' : ''
  return `${PACKAGES[message.module]}.${message.name}${suffix}`
}

export const base64 = (bytes: Uint8Array | null): string =>
  bytes === null ? '-' : Buffer.from(bytes).toString('base64')
