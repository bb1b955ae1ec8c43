/** `lab replay FILE`: a trace as a table, a sequence diagram, a Jepsen history; on demand run again. */
import { renderEdn } from '@troupe/simulator/render/edn'
import { renderMermaid } from '@troupe/simulator/render/mermaid'
import { renderSvg } from '@troupe/simulator/render/svg'
import { renderTable } from '@troupe/simulator/render/table'
import type { Trace } from '@troupe/simulator/trace/format'
import { clusterModel, lastEvents } from './cluster-runs.ts'
import { mustBeWritable, note, print, writeText } from './output.ts'
import { difference, readTrace, runAgain } from './traces.ts'
import { UsageError } from './usage.ts'

export type Picture = 'table' | 'svg' | 'mermaid' | 'edn' | 'json'

export interface ReplayOptions {
  readonly run?: boolean
  readonly last: number
  readonly format: Picture
  readonly out?: string
}

/** Returns whether the trace shows a violation. */
export function replayTrace(file: string, { run, last, format, out }: ReplayOptions): boolean {
  mustBeWritable(out)
  const stored = readTrace(file)
  const trace = run === true ? again(stored) : stored
  const text = render(trace, format, last)
  if (out === undefined) print(text)
  else writeText(out, text)
  return trace.header.violation !== null
}

function again(stored: Trace): Trace {
  const trace = runAgain(stored)
  const parted = difference(stored, trace)
  if (parted !== null) {
    const [before, now] = [stored.header.commit ?? 'an unknown version', trace.header.commit ?? 'an unknown one']
    note(`not the same as in the file: ${parted} (stored by ${before}, this is ${now})`)
  }
  return trace
}

function render(trace: Trace, format: Picture, last: number): string {
  switch (format) {
    case 'table':
      return renderTable(lastEvents(trace, last))
    case 'svg':
      return renderSvg(lastEvents(trace, last))
    case 'mermaid':
      return renderMermaid(lastEvents(trace, last))
    case 'edn':
      return historyOfTrace(trace)
    case 'json':
      return JSON.stringify(trace)
  }
}

function historyOfTrace(trace: Trace): string {
  const { model } = trace.header
  if (model !== clusterModel) {
    throw new UsageError(`a trace of the model ${model} has no history of clients: only runs of the cluster have one`)
  }
  const rendered = renderEdn(trace)
  if ('error' in rendered) throw new UsageError(rendered.error)
  return rendered.edn
}
