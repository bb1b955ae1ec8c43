/**
 * A failing run of a pipeline as few lines as tell it: what went wrong around the pipeline, which records were taken more
 * than once and by whom, and what became of the commits in between.
 */
import type { AbortedTrace, CommitTrace, ProcessedTrace } from '@troupe/pipeline/thread/trace'
import { startOfTime, type Cluster } from '../cluster/cluster.ts'
import type { Observer } from '../cluster/observer.ts'
import type { Cell, Host } from '../kernel/host.ts'
import { keyOf } from './commits.ts'

interface Line {
  readonly at: number
  readonly node: string
  readonly text: string
  /** Of one record, or of the tasks in a commit; []: always told. */
  readonly about: readonly string[]
}

/** Records that are told of: the first ones that were taken more than once. */
const mostRecords = 3

export class Story implements Observer {
  private readonly cluster: Cluster
  private readonly lines: Line[] = []
  private readonly takes = new Map<string, { count: number; task: string }>()

  constructor(cluster: Cluster) {
    this.cluster = cluster
  }

  happened(what: string, node: string, detail: string): void {
    this.add(node, `${what} ${detail}`.trim(), [])
  }

  traced(host: Host, _cell: Cell, event: string, fields: Record<string, unknown>): void {
    switch (event) {
      case 'pipeline.processed': {
        const { task, topic, partition, offset } = fields as unknown as ProcessedTrace
        const record = `${keyOf(topic, partition)}@${offset}`
        this.takes.set(record, { count: (this.takes.get(record)?.count ?? 0) + 1, task })
        return this.add(host.name, `task ${task} processes ${record}`, [record])
      }
      case 'pipeline.committing':
      case 'pipeline.committed': {
        const { tasks } = fields as unknown as CommitTrace
        const offsets = Object.values(tasks).flat()
        const positions = offsets.map(({ topic, partition, offset }) => `${keyOf(topic, partition)} up to ${offset}`)
        const verb = event === 'pipeline.committing' ? 'asks to commit' : 'has committed'
        return this.add(host.name, `${verb} ${positions.join(', ')}`, Object.keys(tasks))
      }
      case 'pipeline.aborted': {
        const { tasks, cause, detail, unknown } = fields as unknown as AbortedTrace
        const outcome = unknown ? ', and does not know whether its commit took effect' : ''
        const what = tasks.length === 0 ? 'goes back to its last commit' : `throws away what ${named(tasks)} did`
        return this.add(host.name, `${what}: ${cause}, ${detail}${outcome}`, tasks)
      }
    }
  }

  tell(): string {
    const twice = [...this.takes].filter(([, { count }]) => count > 1).slice(0, mostRecords)
    const told = new Set(twice.flatMap(([record, { task }]) => [record, task]))
    const lines = this.lines.filter(({ about }) => about.length === 0 || about.some((name) => told.has(name)))
    return lines.map(({ at, node, text }) => `${String(at).padStart(8)} ms  ${node.padEnd(3)}  ${text}`).join('\n')
  }

  private add(node: string, text: string, about: readonly string[]): void {
    this.lines.push({ at: this.cluster.now - startOfTime, node, text, about })
  }
}

const named = (tasks: readonly string[]): string => `${tasks.length === 1 ? 'task' : 'tasks'} ${tasks.join(', ')}`
