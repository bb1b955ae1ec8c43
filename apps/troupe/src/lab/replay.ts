/** `lab replay FILE`: a trace as a table, a sequence diagram, a Jepsen history; on demand run again. */
import { renderEdn } from '@troupe/simulator/render/edn'
import { renderMermaid } from '@troupe/simulator/render/mermaid'
import { renderSvg } from '@troupe/simulator/render/svg'
import { renderTable } from '@troupe/simulator/render/table'
import type { Trace } from '@troupe/simulator/trace/format'
import { print, writeText } from './output.ts'
import { readTrace, runAgain } from './traces.ts'
import { UsageError } from './usage.ts'

export type Picture = 'table' | 'svg' | 'mermaid' | 'edn' | 'json'

export interface ReplayOptions {
  readonly run?: boolean
  readonly format: Picture
  readonly out?: string
}

const renderers: Readonly<Record<Picture, (trace: Trace) => string>> = {
  table: renderTable,
  svg: renderSvg,
  mermaid: renderMermaid,
  edn: historyOfTrace,
  json: (trace) => JSON.stringify(trace),
}

/** Returns whether the trace shows a violation. */
export function replayTrace(file: string, options: ReplayOptions): boolean {
  const stored = readTrace(file)
  const trace = options.run === true ? runAgain(stored) : stored
  const text = renderers[options.format](trace)
  if (options.out === undefined) print(text)
  else writeText(options.out, text)
  return trace.header.violation !== null
}

function historyOfTrace(trace: Trace): string {
  const rendered = renderEdn(trace)
  if ('error' in rendered) throw new UsageError(rendered.error)
  return rendered.edn
}
