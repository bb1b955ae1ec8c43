/** What all renderings share: who takes part, how an actor, a replica and a partition are written in short. */
import type { PartitionStrip, ReplicaStrip, Trace, TraceEvent, ViolationReport } from '../trace/format.ts'

/** One narrow glyph per type of event. */
export const glyphs: Readonly<Record<TraceEvent['type'], string>> = {
  message: '→',
  timer: '◷',
  fault: '!',
  client: '◆',
  lost: '✕',
}

/** Everything that sends or is sent to: clients, then brokers, then what else there is; `net` is nobody. */
export function participants({ events }: Trace): readonly string[] {
  const names = new Set<string>()
  for (const { node, from } of events)
    for (const name of [from, node]) if (name !== '' && name !== 'net') names.add(name)
  return [...names].sort((a, b) => rank(a) - rank(b) || collate(a, b))
}

function rank(name: string): number {
  if (/^c\d/.test(name)) return 0
  return /^b\d/.test(name) ? 1 : 2
}

/** `b2` before `b10`. */
function collate(a: string, b: string): number {
  const number = (name: string) => Number(/\d+/.exec(name)?.[0] ?? 0)
  return number(a) - number(b) || (a < b ? -1 : a > b ? 1 : 0)
}

/** `replica:9Xk2…:0` becomes `replica:…:0`: ids say nothing to a reader. */
export function shortActor(actor: string): string {
  return actor
    .split(':')
    .map((part) => (part.length > 12 ? '…' : part))
    .join(':')
}

/** `b2→b1`, or where it happened when nobody sent it. */
export function route({ from, node }: TraceEvent): string {
  return from === '' || from === node ? node : `${from}→${node}`
}

/** False for a model, where time is the number of the event. */
export function isTimed({ events }: Trace): boolean {
  return events.some(({ at, index }) => at !== index)
}

/**
 * What each event is called. In a model's trace an event is a choice of the schedule, from 1 on; what follows from it
 * within the same turn has no number of its own. A run of the cluster has no choices: there every step has its number.
 */
export function eventNumbers(trace: Trace): readonly string[] {
  const { events } = trace
  if (!isSchedule(trace)) return events.map(({ index }) => String(index))
  let choices = 0
  return events.map(({ choice }) => (choice === '' ? '' : String(++choices)))
}

function isSchedule(trace: Trace): boolean {
  return !isTimed(trace) && trace.events.some(({ choice }) => choice !== '')
}

/** `11 events`, and in how many steps where these are more. */
function length(trace: Trace): string {
  const { events } = trace
  const choices = isSchedule(trace) ? events.filter(({ choice }) => choice !== '').length : events.length
  const counted = choices === 1 ? '1 event' : `${choices} events`
  return choices === events.length ? counted : `${counted} in ${events.length} steps`
}

/** The number of the event after which it was seen, or of the one whose turn that was. */
function violatedAfter(trace: Trace, { event }: ViolationReport): string {
  const numbers = eventNumbers(trace)
  const last = trace.events.findLastIndex(({ index }, at) => index <= event && numbers[at] !== '')
  return last < 0 ? '' : ` after event ${numbers[last]!}`
}

/** What makes a fault of a node its end. */
export function isCrash({ type, kind }: TraceEvent): boolean {
  return type === 'fault' && /\b(kill|crash|power[ -]?loss|die|replace)/i.test(kind)
}

export function isLeader({ up, role }: ReplicaStrip): boolean {
  return up && role === 'leader'
}

/** `*` leads, `?` stands for election, `-` has no role, `✕` is down; a follower has no mark. */
export function roleMark({ up, role }: ReplicaStrip): string {
  if (!up || role === 'offline') return '✕'
  if (role === 'leader') return '*'
  if (role === 'none') return '-'
  return role === 'candidate' || role === 'prospective' ? '?' : ''
}

/** `t-0  b1 e3 p5  isr 1,2`: what the controller has decided; a quorum has no partition epoch. */
export function decided({ partition, leader, leaderEpoch, partitionEpoch, isr }: PartitionStrip): string {
  const epochs = [leaderEpoch < 0 ? '' : ` e${leaderEpoch}`, partitionEpoch < 0 ? '' : ` p${partitionEpoch}`]
  return `${partition}  ${leader < 0 ? 'none' : `b${leader}`}${epochs.join('')}  isr ${isr.join(',') || '-'}`
}

/** `b1* 2/4`: high watermark and log end of a replica; its epoch and last stable offset where they differ. */
export function replicaText(replica: ReplicaStrip, strip: PartitionStrip): string {
  const { broker, leaderEpoch, logEndOffset, highWatermark, lastStableOffset } = replica
  const name = `b${broker}${roleMark(replica)}`
  if (logEndOffset < 0) return name
  const epoch = leaderEpoch === strip.leaderEpoch || leaderEpoch < 0 ? '' : ` e${leaderEpoch}`
  const high = highWatermark < 0 ? '-' : highWatermark
  const stable = lastStableOffset < 0 || lastStableOffset === highWatermark ? '' : ` s${lastStableOffset}`
  return `${name} ${high}/${logEndOffset}${stable}${epoch}`
}

/** What was found, and what was off, in lines for people. */
export function headlines(trace: Trace): readonly string[] {
  const { model, seed, commit, off, options, violation } = trace.header
  const about = [
    `model ${model}`,
    ...(seed === null ? [] : [`seed ${seed}`]),
    ...(commit === null ? [] : [`commit ${commit}`]),
    length(trace),
  ]
  const drawn = Object.entries(options).map(([name, value]) => `${name}=${JSON.stringify(value) ?? ''}`)
  return [
    about.join(' · '),
    off.length === 0 ? 'all safeguards on' : `off: ${off.join(', ')}`,
    ...(drawn.length === 0 ? [] : [`with ${drawn.join(' ')}`]),
    violation === null
      ? 'no violation'
      : `${violation.invariant} is violated${violatedAfter(trace, violation)}: ${violation.detail}`,
  ]
}
