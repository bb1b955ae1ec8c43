/**
 * A trace as a drawing: nodes as lifelines, messages as arrows, time downwards. Beside each event stands what it
 * changed: the controller's decision, and for each replica its log up to the log end, filled up to the high watermark.
 *
 * The colour is the leader epoch: of a lifeline the epoch that the broker is in (thick while it leads), of a strip the
 * epoch of the partition. Self-contained and legible on light and on dark; nothing is said by colour alone.
 */
import type { PartitionStrip, ReplicaStrip, Trace, TraceEvent } from '../trace/format.ts'
import {
  decided,
  eventNumbers,
  headlines,
  isCrash,
  isLeader,
  isTimed,
  participants,
  roleMark,
  shortActor,
} from './shared.ts'
import { definitions, element, epochClass, text } from './svg-parts.ts'

const left = 96
const rowHeight = 30
const lineHeight = 15
const panelWidth = 450
const barWidth = 110

/** Where everything is. */
interface Layout {
  readonly nodes: readonly string[]
  readonly isTimed: boolean
  /** Between two lifelines. */
  readonly column: number
  /** Top of the lifelines. */
  readonly top: number
  readonly rows: readonly { readonly y: number; readonly height: number }[]
  readonly panel: number
  readonly width: number
  readonly height: number
  /** Largest log end of each partition, for the scale of the bars. */
  readonly longest: ReadonlyMap<string, number>
}

export function renderSvg(trace: Trace): string {
  const layout = layOut(trace)
  const { width, height } = layout
  const numbers = eventNumbers(trace)
  const body = [
    element('rect', { class: 'ground', x: 0, y: 0, width, height }),
    ...headlines(trace).map((line, i) =>
      text(12, 22 + i * lineHeight, clip(line, Math.floor(width / 6.6)), i === 0 ? 'strong' : ''),
    ),
    ...lifelines(trace, layout),
    ...trace.events.flatMap((event, i) => drawEvent(event, numbers[i]!, i, layout)),
    ...violationMark(trace, layout),
  ]
  const size = `width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"`
  const opening = `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img">`
  return [opening, definitions(clip(headlines(trace)[0]!, 200)), ...body, '</svg>', ''].join('\n')
}

function layOut(trace: Trace): Layout {
  const nodes = participants(trace)
  const top = 22 + headlines(trace).length * lineHeight + 28
  const rows: { y: number; height: number }[] = []
  let y = top + 12
  for (const { strips } of trace.events) {
    const lines = strips.reduce((sum, strip) => sum + 1 + strip.replicas.length, 0)
    const height = Math.max(rowHeight, 10 + lines * lineHeight)
    rows.push({ y: y + rowHeight / 2, height })
    y += height
  }
  const longest = new Map<string, number>()
  for (const { partition, replicas } of trace.events.flatMap(({ strips }) => strips)) {
    longest.set(partition, Math.max(1, longest.get(partition) ?? 0, ...replicas.map((one) => one.logEndOffset)))
  }
  // Few nodes leave room for what the messages say.
  const column = Math.max(150, Math.min(230, Math.floor(700 / Math.max(1, nodes.length))))
  const panel = left + Math.max(1, nodes.length) * column
  return {
    nodes,
    isTimed: isTimed(trace),
    column,
    top,
    rows,
    panel,
    width: panel + panelWidth,
    height: y + 24,
    longest,
  }
}

function lane({ nodes, column }: Layout, node: string): number {
  const i = nodes.indexOf(node)
  return left + (i + 0.5) * column
}

/** Of each node a line from event to event, in the colour of the epoch it is in; dashed while it is down. */
function lifelines({ events }: Trace, layout: Layout): readonly string[] {
  const drawn: string[] = []
  const first = events.flatMap(({ strips }) => strips)[0]?.partition
  for (const node of layout.nodes) {
    const x = lane(layout, node)
    drawn.push(text(x, layout.top, node, 'strong middle'))
    let look = 'lifeline'
    let from = layout.top + 8
    events.forEach((event, i) => {
      const next = lookAfter(event, node, first, look)
      if (next === look) return
      const { y } = layout.rows[i]!
      drawn.push(element('line', { class: look, x1: x, y1: from, x2: x, y2: y }))
      look = next
      from = y
    })
    drawn.push(element('line', { class: look, x1: x, y1: from, x2: x, y2: layout.height - 16 }))
  }
  return drawn
}

function lookAfter(event: TraceEvent, node: string, partition: string | undefined, look: string): string {
  if (event.node === node && isCrash(event)) return 'lifeline down'
  for (const strip of event.strips) {
    const replica = strip.replicas.find(({ broker }) => `b${broker}` === node)
    if (replica === undefined || strip.partition !== partition) continue
    if (!replica.up) return 'lifeline down'
    return `lifeline ${epochClass(replica.leaderEpoch)}${isLeader(replica) ? ' leads' : ''}`
  }
  return look
}

function drawEvent(event: TraceEvent, number: string, i: number, layout: Layout): readonly string[] {
  const { y } = layout.rows[i]!
  const when = [text(38, y + 4, number, 'end faint')]
  if (layout.isTimed) when.push(text(left - 8, y + 4, `${event.at} ms`, 'end faint'))
  return [...when, ...drawAction(event, number, y, layout), ...drawStrips(event.strips, y, layout)]
}

function drawAction(event: TraceEvent, number: string, y: number, layout: Layout): readonly string[] {
  const { from, node, type, kind, detail, actor } = event
  const known = (name: string) => layout.nodes.includes(name)
  const what = [kind, detail].filter((part) => part !== '').join(' ')
  const said = element('title', {}, [`${number} ${type} ${what} ${shortActor(actor)}`.trim()])
  if (known(from) && known(node) && from !== node) {
    const [x1, x2] = [lane(layout, from), lane(layout, node)]
    const span = Math.abs(x2 - x1)
    const label = text(
      (x1 + x2) / 2,
      y - 5,
      clip(what, Math.floor(Math.max(span, layout.column) / 6) + 4),
      'middle halo',
    )
    if (type !== 'lost') return [arrow(x1, x2, y, type === 'client' ? 'arrow dotted' : 'arrow', said), label]
    const end = x1 + (x2 - x1) * 0.7
    return [element('line', { class: 'arrow dotted', x1, y1: y, x2: end, y2: y }, [], said), cross(end, y), label]
  }
  const x = known(node) ? lane(layout, node) : known(from) ? lane(layout, from) : left + 8
  const crash = type === 'lost' || isCrash(event)
  const mark = crash ? cross(x, y) : element('circle', { class: `mark ${type}`, cx: x, cy: y, r: 4 }, [], said)
  const room = Math.floor((layout.panel - x - 16) / 6.4)
  return [mark, text(x + 10, y + 4, clip(what, Math.max(12, room)), type === 'fault' ? 'strong halo' : 'halo')]
}

function arrow(x1: number, x2: number, y: number, look: string, inside: string): string {
  const tip = x2 > x1 ? x2 - 2 : x2 + 2
  return element('line', { class: look, x1, y1: y, x2: tip, y2: y, 'marker-end': 'url(#tip)' }, [], inside)
}

function cross(x: number, y: number): string {
  const d = `M${x - 5} ${y - 5}L${x + 5} ${y + 5}M${x - 5} ${y + 5}L${x + 5} ${y - 5}`
  return element('path', { class: 'cross', d })
}

function drawStrips(strips: readonly PartitionStrip[], y: number, layout: Layout): readonly string[] {
  const drawn: string[] = []
  let at = y + 4
  for (const strip of strips) {
    drawn.push(
      element('rect', {
        class: `swatch ${epochClass(strip.leaderEpoch)}`,
        x: layout.panel,
        y: at - 10,
        width: 6,
        height: (strip.replicas.length + 1) * lineHeight - 3,
      }),
    )
    drawn.push(text(layout.panel + 12, at, decided(strip), 'strong'))
    at += lineHeight
    for (const replica of strip.replicas) {
      drawn.push(...drawReplica(replica, strip, layout, at))
      at += lineHeight
    }
  }
  return drawn
}

/** A bar as long as the log, filled up to the high watermark, and the same in figures. */
function drawReplica(replica: ReplicaStrip, strip: PartitionStrip, layout: Layout, y: number): readonly string[] {
  const { broker, logEndOffset, highWatermark, lastStableOffset, leaderEpoch } = replica
  const x = layout.panel + 84
  const scale = (offset: number) => Math.round((Math.max(0, offset) / layout.longest.get(strip.partition)!) * barWidth)
  const member = strip.isr.includes(broker) ? ' isr' : ''
  const name = text(layout.panel + 12, y, `b${broker} ${roleMark(replica)}${member}`, '')
  if (logEndOffset < 0) return [name]
  const figures = [`hw ${highWatermark < 0 ? '-' : highWatermark}`, `leo ${logEndOffset}`]
  if (lastStableOffset >= 0 && lastStableOffset !== highWatermark) figures.push(`lso ${lastStableOffset}`)
  if (leaderEpoch >= 0) figures.push(`e${leaderEpoch}`)
  const bar = { x, y: y - 9, height: 9 }
  return [
    name,
    element('rect', { class: `log ${epochClass(leaderEpoch)}`, ...bar, width: scale(logEndOffset) }),
    element('rect', { class: `committed ${epochClass(leaderEpoch)}`, ...bar, width: scale(highWatermark) }),
    text(x + barWidth + 10, y, figures.join(' · '), replica.up ? '' : 'faint'),
  ]
}

function violationMark({ header: { violation }, events }: Trace, layout: Layout): readonly string[] {
  const i = violation === null ? -1 : events.findIndex(({ index }) => index === violation.event)
  if (violation === null || i === -1) return []
  const { y, height } = layout.rows[i]!
  const box = { x: 4, y: y - rowHeight / 2, width: layout.width - 8, height }
  return [
    element(
      'rect',
      { class: 'violation', ...box },
      [],
      element('title', {}, [`${violation.invariant}: ${violation.detail}`]),
    ),
  ]
}

function clip(line: string, most: number): string {
  const letters = Array.from(line)
  return letters.length <= most ? line : `${letters.slice(0, Math.max(1, most - 1)).join('')}…`
}
