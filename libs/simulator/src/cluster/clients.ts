/** The clients of a run: what they run, how they are killed and come back, whether they are done. */
import { Notebook } from '../workload/application.ts'
import { startOfTime, type Cluster } from './cluster.ts'

export class Clients {
  readonly notebook = new Notebook(startOfTime)
  private readonly cluster: Cluster

  constructor(cluster: Cluster) {
    this.cluster = cluster
  }

  start(): void {}

  kill(_client: number, _forMs: number): void {}

  finish(): void {
    this.notebook.finishing = true
  }

  /** What is not answered yet. */
  missing(): string | null {
    return this.notebook.open > 0 ? `${this.notebook.open} operations are not answered` : null
  }
}
