/**
 * A trace as a table: fixed columns, one event per line, at most 140 wide; the form in which traces are committed.
 *
 * On the right stands what an event changed: what the controller has decided for the partition and where each replica
 * is. What does not fit goes on in the next line, in its own column.
 */
import type { PartitionStrip, Trace, TraceEvent } from '../trace/format.ts'
import { decided, eventNumbers, glyphs, headlines, isTimed, replicaText, route, shortActor } from './shared.ts'

const width = 140
/** The narrowest that a detail is squeezed to for the sake of the strip beside it. */
const leastDetail = 24

const legend = [
  'event     → message arrives   ◷ timer   ◆ client asks or hears   ! fault   ✕ message lost',
  'state     what the event changed, one line per partition. What the controller has decided: leader, e leader epoch,',
  '          p partition epoch, in-sync replicas. Then each replica: high watermark/log end; * leads, ? stands for election,',
  '          - no role, ✕ down; s last stable offset and e its own leader epoch where they differ.',
]

const sameTurn = '#         A line without a number is what follows within the same turn.'

interface Row {
  /** Number, time (unless it says the same), glyph, route, actor, kind. */
  readonly cells: readonly string[]
  readonly detail: string
  /** Per partition what belongs together: the decision, each replica. */
  readonly strips: readonly (readonly string[])[]
  readonly index: number
}

export function renderTable(trace: Trace): string {
  const timed = isTimed(trace)
  const numbers = eventNumbers(trace)
  const rows = trace.events.map((event, i) => rowOf(event, numbers[i]!, timed))
  const titles = ['#', ...(timed ? ['ms'] : []), '', 'where', 'actor', 'what']
  const widths = titles.map((title, i) =>
    Math.min(26, Math.max(length(title), ...rows.map((row) => length(row.cells[i]!)))),
  )
  const left = widths.reduce((sum, column) => sum + column + 2, 0)
  const longestDetail = Math.max(leastDetail, ...rows.map(({ detail }) => length(detail)))
  const longestStrip = Math.max(0, ...rows.flatMap(({ strips }) => strips.map((parts) => length(parts.join('  ')))))
  const room = width - left
  const detailWidth = Math.max(leastDetail, Math.min(longestDetail, room - longestStrip - 2))
  const stripWidth = room - detailWidth - 2
  const print = (cells: readonly string[], detail: string, strip: string): string => {
    const columns = cells.map((cell, i) =>
      i < titles.indexOf('') ? padStart(cell, widths[i]!) : padEnd(cell, widths[i]!),
    )
    return `${columns.join('  ')}  ${padEnd(detail, detailWidth)}  ${strip}`.trimEnd()
  }
  const follows = numbers.includes('') ? [sameTurn] : []
  const lines = [...headlines(trace).flatMap((line) => wrap(line, width, '  ')), '', ...legend, ...follows, '']
  lines.push(print(titles, 'detail', 'state'))
  lines.push('-'.repeat(width))
  for (const row of rows) {
    const cells = row.cells.map((cell, i) => wrap(cell, widths[i]!, ''))
    const detail = wrap(row.detail, detailWidth, ' ')
    const strips = row.strips.flatMap((parts) => wrapParts(parts, stripWidth))
    const height = Math.max(1, detail.length, strips.length, ...cells.map(({ length: count }) => count))
    for (let i = 0; i < height; i++) {
      lines.push(
        print(
          cells.map((cell) => cell[i] ?? ''),
          detail[i] ?? '',
          strips[i] ?? '',
        ),
      )
    }
    const violation = trace.header.violation
    if (violation !== null && violation.event === row.index) {
      lines.push(...wrap(`▲ ${violation.invariant}: ${violation.detail}`, width, '  '))
    }
  }
  return `${lines.join('\n')}\n`
}

function rowOf(event: TraceEvent, number: string, timed: boolean): Row {
  const { index, at, type, actor, kind, detail, strips } = event
  const when = timed ? [number, String(at)] : [number]
  return {
    cells: [...when, glyphs[type], route(event), shortActor(actor), oneLine(kind)],
    detail: oneLine(detail),
    strips: strips.map(stripParts),
    index,
  }
}

function stripParts(strip: PartitionStrip): readonly string[] {
  const replicas = strip.replicas.map((replica, i) => `${i === 0 ? '│ ' : ''}${replicaText(replica, strip)}`)
  return [decided(strip), ...replicas]
}

/** Breaks between the parts, and inside one only when it is too long for a line. */
function wrapParts(parts: readonly string[], room: number): readonly string[] {
  const lines: string[] = []
  let line = ''
  for (const part of parts) {
    const longer = line === '' ? part : `${line}  ${part}`
    if (length(longer) <= room) {
      line = longer
      continue
    }
    if (line !== '') lines.push(line)
    const broken = wrap(`  ${part}`, room, '  ')
    lines.push(...broken.slice(0, -1))
    line = broken.at(-1)!
  }
  return [...lines, line]
}

function oneLine(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, ' ')
}

/** Breaks at spaces where it can; what follows the first line is indented. */
export function wrap(text: string, room: number, indent: string): readonly string[] {
  const lines: string[] = []
  let rest = text
  let lead = ''
  while (length(lead + rest) > room) {
    const most = Array.from(rest)
      .slice(0, Math.max(1, room - lead.length))
      .join('')
    const space = most.lastIndexOf(' ')
    const cut = space > most.length / 3 ? space : most.length
    lines.push((lead + rest.slice(0, cut)).trimEnd())
    rest = rest.slice(cut).trimStart()
    lead = indent
  }
  if (rest !== '' || lines.length === 0) lines.push(lead + rest)
  return lines
}

function length(text: string): number {
  return Array.from(text).length
}

function padEnd(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - length(text)))
}

function padStart(text: string, columns: number): string {
  return ' '.repeat(Math.max(0, columns - length(text))) + text
}
