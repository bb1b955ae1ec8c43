/**
 * A trace as a sequence diagram of mermaid, with a note wherever a partition's leader epoch, ISR, high watermark or log
 * end changed. Messages that were lost end in a cross.
 */
import type { PartitionStrip, Trace, TraceEvent } from '../trace/format.ts'
import { eventNumbers, headlines, isCrash, participants, replicaText, shortActor } from './shared.ts'

export function renderMermaid(trace: Trace): string {
  const nodes = participants(trace)
  const names = new Map(nodes.map((node, i) => [node, /^[a-z]+\d*$/i.test(node) ? `n_${node}` : `n${i}`]))
  const everybody = nodes.length < 2 ? names.get(nodes[0] ?? '') : `${names.get(nodes[0]!)},${names.get(nodes.at(-1)!)}`
  const lines = ['sequenceDiagram', ...headlines(trace).map((line) => `  %% ${line.replaceAll(/[{}%\n]/g, ' ')}`)]
  for (const node of nodes) lines.push(`  participant ${names.get(node)!} as ${escape(title(node)) || '-'}`)
  if (everybody === undefined) return `${lines.join('\n')}\n`
  const over = (node: string) => names.get(node) ?? everybody
  const { violation } = trace.header
  const numbers = eventNumbers(trace)
  for (const [i, event] of trace.events.entries()) {
    lines.push(`  ${eventLine(event, numbers[i]!, names, over)}`)
    for (const strip of event.strips) lines.push(`  Note over ${everybody}: ${stripText(strip)}`)
    if (violation?.event === event.index) {
      lines.push(`  Note over ${everybody}: ▲ ${escape(`${violation.invariant}: ${violation.detail}`)}`)
    }
  }
  return `${lines.join('\n')}\n`
}

function eventLine(
  event: TraceEvent,
  number: string,
  names: ReadonlyMap<string, string>,
  over: (node: string) => string,
): string {
  const { type, from, node, kind, detail, actor } = event
  const what = escape([number, kind, detail].filter((part) => part !== '').join(' ')) || '-'
  const source = names.get(from)
  const target = names.get(node)
  if (source !== undefined && target !== undefined && source !== target) {
    if (type === 'lost') return `${source}-x${target}: ${what}`
    // An answer or a question, mermaid need not know; a client's is dotted to tell it apart.
    return `${source}${type === 'client' ? '-->>' : '->>'}${target}: ${what}`
  }
  const mark = type === 'timer' ? '◷ ' : type === 'lost' || isCrash(event) ? '✕ ' : type === 'fault' ? '! ' : ''
  const who = actor === '' ? '' : ` (${escape(shortActor(actor))})`
  return `Note over ${over(type === 'lost' && target === undefined ? from : node)}: ${mark}${what}${who}`
}

function stripText(strip: PartitionStrip): string {
  const { partition, leader, leaderEpoch, partitionEpoch, isr } = strip
  const replicas = strip.replicas.map((replica) => escape(replicaText(replica, strip))).join(' · ')
  const led = leader < 0 ? 'no leader' : `leader b${leader}`
  const epochs = [
    ...(leaderEpoch < 0 ? [] : [`epoch ${leaderEpoch}`]),
    ...(partitionEpoch < 0 ? [] : [`partition epoch ${partitionEpoch}`]),
  ]
  const decided = `${partition}: ${[led, ...epochs, `ISR ${isr.join(' ') || 'empty'}`].join(', ')}`
  return `${escape(decided)}<br/>hw/leo ${replicas}`
}

function title(node: string): string {
  if (/^b\d+$/.test(node)) return `broker ${node.slice(1)}`
  return /^c\d+$/.test(node) ? `client ${node.slice(1)}` : node
}

/** What mermaid would read as its own, written as its entities. */
function escape(text: string): string {
  return text
    .replaceAll(/[\s\p{Cc}]+/gu, ' ')
    .trim()
    .replaceAll('#', '#35;')
    .replaceAll(/;(?<!#35;)/g, '#59;')
    .replaceAll('<', '#lt;')
    .replaceAll('>', '#gt;')
    .replaceAll('"', '#quot;')
    .replaceAll('%', '#37;')
}
