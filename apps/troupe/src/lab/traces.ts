/** Traces from files, and what it takes to run one again. */
import { readFileSync } from 'node:fs'
import { allSafeguards, type Safeguards } from '@troupe/actor'
import type { ClusterOptions } from '@troupe/simulator/cluster/options'
import { replay } from '@troupe/simulator/model/index'
import { models, type AnyModel } from '@troupe/simulator/models/index'
import { readTrace as parseTrace } from '@troupe/simulator/render/ndjson'
import type { Trace } from '@troupe/simulator/trace/format'
import { clusterModel, traceRun } from './cluster-runs.ts'
import { commit } from './output.ts'
import { UsageError } from './usage.ts'

export function readTrace(file: string): Trace {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw new UsageError(`cannot read ${file}: ${(error as Error).message}`)
  }
  const read = parseTrace(text)
  if ('error' in read) throw new UsageError(`${file} is not a trace: ${read.error}`)
  return read.trace
}

/** What a trace of the whole cluster was made of; null for one of a model. */
export function clusterOptionsOf({ header }: Trace): ClusterOptions | null {
  return header.model === clusterModel ? (header.options as unknown as ClusterOptions) : null
}

export interface ModelSchedule {
  readonly model: AnyModel
  readonly safeguards: Safeguards
  readonly bounds: Readonly<Record<string, number>>
  readonly labels: readonly string[]
}

export function modelScheduleOf({ header, events }: Trace): ModelSchedule {
  const model = models.get(header.model)
  if (model === undefined) throw new UsageError(`the trace is of a model ${header.model}, which is not known here`)
  const off = Object.fromEntries(header.off.map((name) => [name, false]))
  return {
    model,
    safeguards: { ...allSafeguards, ...off },
    bounds: header.options as Record<string, number>,
    labels: events.flatMap(({ choice }) => (choice === '' ? [] : [choice])),
  }
}

export function runAgain(trace: Trace): Trace {
  const options = clusterOptionsOf(trace)
  if (options !== null) return traceRun(options).trace
  const { model, safeguards, bounds, labels } = modelScheduleOf(trace)
  return replay(model, safeguards, bounds, labels, { seed: trace.header.seed, commit: commit() })
}
