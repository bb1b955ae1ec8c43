/** What runs on a run's clients, as the run sees it: begun, killed, told to finish, and judged in the end. */
export interface Applications {
  /** The cluster serves, its topics are there. */
  start(): void
  /** The process is gone; another one with the same configuration takes its place after `forMs`. */
  kill(client: number, forMs: number): void
  /** No faults any more: everybody runs, nobody begins new work. */
  finish(): void
  /** What nobody has answered, or null. */
  unanswered(): string | null
  /** What has not been done yet of all there was to do at `since`, or null. */
  missing(since: number): string | null
  /** Looks at everything that was done. */
  judge(report: (invariant: string, detail: string) => void): void
  /** How much was asked for. */
  readonly operations: number
}
