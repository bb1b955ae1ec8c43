/** How the transcripts of a thread write what it says. */
import { int64, string } from '@troupe/client/serdes'

// Messages of many kinds, read to be printed.
// oxlint-disable-next-line no-explicit-any
type Any = any

const place = ({ topic, partition }: Any): string => `${topic}-${partition}`
const offsets = (list: Any[]): string => list.map((each) => `${place(each)}=${each.offset}`).join(',')

function record({ topic, partition, key, value }: Any): string {
  const to = partition === null ? topic : place({ topic, partition })
  const shown = value === null ? 'null' : value.length === 8 ? int64.deserialize(value) : string.deserialize(value)
  return `${to}:${string.deserialize(key)}=${shown}`
}

export function show(message: Any): string {
  const { kind } = message
  switch (kind) {
    case 'poll':
      return `poll ${message.timeoutMs}`
    case 'pause':
    case 'resume':
    case 'assign':
    case 'committed':
    case 'endOffsets':
    case 'currentLag':
      return `${kind} ${message.partitions.map(place).join(',')}${message.isolation ? ` ${message.isolation}` : ''}`
    case 'sinkOffsets':
      return `${kind} ${message.sink} ${message.partitions.map(place).join(',')}`
    case 'seek':
      return `seek ${place(message)} to ${message.to}`
    case 'position':
      return `position ${place(message)}`
    case 'sendMany':
      return `send ${message.records.map(record).join(' ')}`
    case 'sendOffsets':
      return `sendOffsets ${offsets(message.offsets)} gen=${message.group.generationId}`
    case 'commit':
      return `commit ${offsets(message.offsets)}`
    case 'applyToSink':
      return `apply ${place(message.partition)} ${message.from}→${message.to} ${message.records.map(({ value }: Any) => value).join(',')}`
    case 'subscribe':
      return `subscribe ${message.topics.join(',')}`
    case 'adminCall':
      return message.operation
  }
  return kind
}

export function showTrace(event: string, fields: Any): string {
  const words = Object.entries(fields).map(([name, value]): string => {
    if (name !== 'tasks' || Array.isArray(value))
      return `${name}=${typeof value === 'object' ? JSON.stringify(value) : String(value)}`
    return Object.entries(value as object)
      .map(([task, list]) => `${task}:${offsets(list)}`)
      .join(' ')
  })
  return `${event.replace('pipeline.', '')} ${words.join(' ')}`
}
