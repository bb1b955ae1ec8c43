/** A worker process, asked one thing at a time, and replaced when it does not answer any more. */
import { fork, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import type { Limits } from './contract.ts'
import type { Guard } from './guards.ts'
import type { Answer, Request } from './worker.ts'

export type Ran = Extract<Answer, { type: 'ran' | 'threw' }> | { readonly type: 'endless'; readonly why: string }

export interface LaboratoryOptions {
  readonly guards: readonly Guard[]
  readonly limits: Limits
  /** Module that exports `makeTargets(limits)`. */
  readonly targets?: string
}

const loadMs = 120_000
const memoryMegabytes = 2048

export class Laboratory {
  readonly #options: LaboratoryOptions
  #worker: ChildProcess | null = null
  #names: readonly string[] = []
  /** How many processes it has taken. */
  started = 0

  constructor(options: LaboratoryOptions) {
    this.#options = options
  }

  /** Names of the targets. */
  async open(): Promise<readonly string[]> {
    await this.#ready()
    return this.#names
  }

  async run(target: number, forced: { id: number; to: boolean } | null, limitMs: number): Promise<Ran> {
    const worker = await this.#ready()
    const answer = await ask(worker, { type: 'run', target, forced }, limitMs)
    if (answer.type === 'loaded') throw new Error('the worker is out of step')
    // Whoever was thrown out of the middle of a target may have left something behind.
    if (answer.type !== 'ran') this.close()
    return answer
  }

  close(): void {
    this.#worker?.kill('SIGKILL')
    this.#worker = null
  }

  async #ready(): Promise<ChildProcess> {
    if (this.#worker !== null) return this.#worker
    const { guards, limits, targets = new URL('targets.ts', import.meta.url).href } = this.#options
    const worker = fork(join(import.meta.dirname, 'worker.ts'), {
      execArgv: [`--max-old-space-size=${memoryMegabytes}`, '--disable-warning=ExperimentalWarning'],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    })
    this.#worker = worker
    this.started++
    const answer = await ask(worker, { type: 'load', guards, limits, targets }, loadMs)
    if (answer.type !== 'loaded') {
      this.close()
      throw new Error(`the simulator does not load: ${answer.type === 'threw' ? answer.error : answer.type}`)
    }
    this.#names = answer.targets
    return worker
  }
}

function ask(
  worker: ChildProcess,
  request: Request,
  limitMs: number,
): Promise<Answer | Extract<Ran, { type: 'endless' }>> {
  const { promise, resolve } = Promise.withResolvers<Answer | Extract<Ran, { type: 'endless' }>>()
  const timer = setTimeout(() => resolve({ type: 'endless', why: `no answer in ${limitMs / 1000} s` }), limitMs)
  const ended = (): void => resolve({ type: 'endless', why: 'the process ran out of memory or stack' })
  worker.once('message', resolve)
  worker.once('exit', ended)
  worker.send(request)
  return promise.finally(() => {
    clearTimeout(timer)
    worker.off('message', resolve)
    worker.off('exit', ended)
  })
}
