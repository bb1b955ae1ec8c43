/** For the test: the relay as a process of its own, which dies as processes do. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Step } from './relay.ts'

export class RelayProcess implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #ended: Promise<unknown[]>
  #complaints = ''

  /** With `fatal` it kills itself when it has done that step `count` times. */
  constructor(bootstrap: string, postgres: string, fatal?: Step, count = 1) {
    const program = join(import.meta.dirname, 'relay-process.ts')
    const args = [program, bootstrap, postgres, ...(fatal ? [fatal, String(count)] : [])]
    this.#child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] })
    this.#ended = once(this.#child, 'exit')
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => (this.#complaints += text))
  }

  get complaints(): string {
    return this.#complaints
  }

  /** Code or signal. */
  async ended(): Promise<number | NodeJS.Signals> {
    const [code, signal] = (await this.#ended) as [number | null, NodeJS.Signals | null]
    return code ?? signal!
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#ended
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
  }
}
