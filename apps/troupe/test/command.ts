/** The command in a process of its own. */
import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'

const main = join(import.meta.dirname, '../src/main.ts')

export class Command {
  readonly child: ChildProcess
  readonly exited: Promise<number | null>
  out = ''
  err = ''
  readonly #wakers: (() => void)[] = []
  #ended = false

  constructor(overrides: Readonly<Record<string, string | number>>, args: readonly string[] = [], environment = {}) {
    const given = Object.entries(overrides).flatMap(([name, value]) => ['--override', `${name}=${value}`])
    this.child = spawn(process.execPath, [main, ...args, ...given], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NODE_OPTIONS: '', ...environment },
    })
    this.child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.out += text
      this.#wake()
    })
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.err += text
      this.#wake()
    })
    this.exited = new Promise((resolve) =>
      this.child.once('close', (code) => {
        this.#ended = true
        this.#wake()
        resolve(code)
      }),
    )
  }

  #wake(): void {
    for (const wake of this.#wakers.splice(0)) wake()
  }

  /** Waits until the output satisfies; throws when the process has ended before. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.#ended) throw new Error(`ended early\n${this.out}\n${this.err}`)
      await new Promise<void>((resolve) => this.#wakers.push(resolve))
    }
  }

  /** The bootstrap servers of the ready line. */
  async ready(): Promise<string[]> {
    await this.until(() => this.out.includes('\n'))
    const line = /^troupe ready bootstrap\.servers=(\S+)\n$/.exec(this.out)
    if (line === null) throw new Error(`not the ready line: ${this.out}`)
    return line[1]!.split(',')
  }

  /** URL of the admin endpoint, from the log. */
  async admin(): Promise<string> {
    const seen = (): RegExpExecArray | null => /"admin":"([^"]+)"/.exec(this.err)
    await this.until(() => seen() !== null)
    return seen()![1]!
  }

  /** Lines of the log. */
  log(): Record<string, unknown>[] {
    return this.err
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line))
  }

  async end(signal: NodeJS.Signals): Promise<number | null> {
    this.child.kill(signal)
    return this.exited
  }
}
