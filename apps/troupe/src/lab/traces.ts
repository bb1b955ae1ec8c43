/** Traces from files, and what it takes to run one again. */
import { readFileSync } from 'node:fs'
import { allSafeguards, type Safeguards } from '@troupe/actor'
import type { ClusterOptions } from '@troupe/simulator/cluster/options'
import { replay } from '@troupe/simulator/model/index'
import { models, type AnyModel } from '@troupe/simulator/models/index'
import { readTrace as parseTrace, writeTrace } from '@troupe/simulator/render/ndjson'
import { pipelineModel } from '@troupe/simulator/pipeline/run'
import type { Trace } from '@troupe/simulator/trace/format'
import { clusterModel, traceRun } from './cluster-runs.ts'
import { commit, note } from './output.ts'
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
  if (read.cut) note(`${file} ends in the middle of a line, which is left out`)
  return read.trace
}

/** As it would be read from a file: two traces that look the same there are the same. */
function asStored(trace: Trace): Trace {
  const read = parseTrace([...writeTrace(trace)].join(''))
  if ('error' in read) throw new Error(`a trace that was just written cannot be read: ${read.error}`)
  return read.trace
}

/** What a trace of the whole cluster was made of; null for one of a model. */
export function clusterOptionsOf(trace: Trace): ClusterOptions | null {
  const { model, options } = trace.header
  if (model !== clusterModel) return null
  safeguardsOf(trace)
  const lists = ['voters', 'topics', 'clients', 'faults'].every((name) => Array.isArray(options[name]))
  const numbers = ['seed', 'brokers', 'safetyMs', 'livenessMs'].every((name) => typeof options[name] === 'number')
  const objects = ['properties', 'network', 'disk', 'safeguards'].every((name) => isObject(options[name]))
  if (!lists || !numbers || !objects) {
    throw new UsageError('the trace cannot be run again: its header lacks options that every run of a cluster has')
  }
  return options as unknown as ClusterOptions
}

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null

export interface ModelSchedule {
  readonly model: AnyModel
  readonly safeguards: Safeguards
  readonly bounds: Readonly<Record<string, number>>
  readonly labels: readonly string[]
}

export function modelScheduleOf(trace: Trace): ModelSchedule {
  const { header, events } = trace
  const model = models.get(header.model)
  if (model === undefined) throw new UsageError(`the trace is of a model ${header.model}, which is not known here`)
  const wrong = Object.entries(header.options).find(
    ([name, value]) => !(name in model.defaultBounds) || typeof value !== 'number',
  )
  if (wrong !== undefined) {
    throw new UsageError(`the trace has a bound ${wrong[0]}=${JSON.stringify(wrong[1])}, which ${model.name} has not`)
  }
  return {
    model,
    safeguards: safeguardsOf(trace),
    bounds: header.options as Record<string, number>,
    labels: events.flatMap(({ choice }) => (choice === '' ? [] : [choice])),
  }
}

function safeguardsOf({ header }: Trace): Safeguards {
  const stranger = header.off.find((name) => !Object.hasOwn(allSafeguards, name))
  if (stranger !== undefined) {
    throw new UsageError(`the trace was made without a safeguard ${stranger}, which there is not (any more)`)
  }
  return { ...allSafeguards, ...Object.fromEntries(header.off.map((name) => [name, false])) }
}

export function runAgain(trace: Trace): Trace {
  if (trace.header.model.startsWith(pipelineModel)) {
    throw new UsageError(`a pipeline is code: run it again by lab pipeline FILE --seed ${trace.header.seed}`)
  }
  const options = clusterOptionsOf(trace)
  if (options !== null) return traceRun(options).trace
  const { model, safeguards, bounds, labels } = modelScheduleOf(trace)
  return replay(model, safeguards, bounds, labels, { seed: trace.header.seed, commit: commit() })
}

/** Where two traces part, in words; null when they are the same but for the version of the code. */
export function difference(stored: Trace, fresh: Trace): string | null {
  const again = asStored(fresh)
  const length = Math.max(stored.events.length, again.events.length)
  for (let at = 0; at < length; at++) {
    const [before, after] = [stored.events[at], again.events[at]]
    if (JSON.stringify(before) === JSON.stringify(after)) continue
    const name = (event: typeof before): string =>
      event === undefined
        ? 'nothing'
        : `${event.kind} at ${event.node}${event.detail === '' ? '' : ` (${event.detail})`}`
    return `line ${at + 2} was ${name(before)}, and is ${name(after)}`
  }
  const [before, after] = [stored.header.violation, again.header.violation]
  if (JSON.stringify(before) === JSON.stringify(after)) return null
  return `it found ${before?.invariant ?? 'nothing'}, and finds ${after?.invariant ?? 'nothing'}`
}
