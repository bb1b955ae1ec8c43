/**
 * The end of a turn of the event loop: everything that was collected in it leaves together.
 *
 * Messages run as they arrive; what they cause outside (writes to sockets, batches to other brokers, the real timer)
 * waits for the check phase, right after all sockets and ports that were ready have been served.
 */
export class Turn {
  #scheduled = false
  readonly #tasks: (() => void)[] = []

  /** Runs `task` at the end of each turn that was asked for, in the order of these calls. */
  atEnd(task: () => void): void {
    this.#tasks.push(task)
  }

  readonly wake = (): void => {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(this.#end)
  }

  readonly #end = (): void => {
    this.#scheduled = false
    for (const task of this.#tasks) task()
  }
}
