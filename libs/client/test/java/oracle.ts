/** One Java process that answers questions about Apache Kafka's own client: `ClientOracle.java`. */
import { createInterface } from 'node:readline'
import { compileJava, javaOptions, startJava } from '@troupe/tools/reference/java'

export class Oracle implements AsyncDisposable {
  readonly #java: ReturnType<typeof startJava>
  readonly #waiting = new Map<number, { resolve(answer: unknown): void; reject(error: Error): void }>()
  #stderr = ''
  #next = 1

  /** Questions are worked on by `threads` at a time. */
  constructor(classpath: string, threads = 1) {
    const compiled = compileJava(import.meta.dirname, classpath)
    const main = 'org.apache.kafka.clients.producer.internals.ClientOracle'
    this.#java = startJava(compiled, main, [String(threads)], [...javaOptions, '-Dtroupe.log.level=off'])
    this.#java.stderr.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text))
    this.#java.on('close', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`the oracle has ended: ${this.#stderr}`))
    })
    createInterface({ input: this.#java.stdout }).on('line', (line) => {
      const { id, is, failed } = JSON.parse(line) as { id: number; is: unknown; failed?: string }
      const { resolve, reject } = this.#waiting.get(id)!
      this.#waiting.delete(id)
      if (failed === undefined) resolve(is)
      else reject(new Error(failed))
    })
  }

  ask<Answer>(op: string, question: object = {}): Promise<Answer> {
    const id = this.#next++
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (answer: unknown) => void, reject })
      this.#java.stdin.write(`${JSON.stringify({ id, op, ...question })}\n`)
    })
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#java.stdin.end()
    return new Promise((resolve) => {
      if (this.#java.exitCode === null) this.#java.on('close', () => resolve())
      else resolve()
    })
  }
}

export const hex = (bytes: Uint8Array | null): string | null =>
  bytes === null ? null : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
