/**
 * Runs `done` when everything that was expected has arrived: how a handler that asks many actors answers once.
 *
 * It expects one arrival more than was announced until `open` is called, so that it cannot fire halfway through a loop.
 */
export class Barrier {
  private waiting = 1
  private readonly done: () => void

  constructor(done: () => void) {
    this.done = done
  }

  expect(): void {
    this.waiting++
  }

  arrived(): void {
    this.waiting--
    if (this.waiting === 0) this.done()
  }

  /** All is announced. */
  open(): void {
    this.arrived()
  }
}
