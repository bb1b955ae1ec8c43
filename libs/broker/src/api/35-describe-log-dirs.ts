/**
 * DescribeLogDirs (35), versions 1–5: sizes of the replicas in this broker's log directory (KIP-113).
 *
 * - v3 a top-level error; v4 size of the volume (KIP-827); v5 cordoned directories (KIP-1066)
 */
import type { Log } from '@troupe/log/contract'
import { KafkaError } from '@troupe/wire/errors'
import type { DescribeLogDirsRequest, DescribeLogDirsResponseInput } from '@troupe/wire/messages'
import { defineApi } from '../api.ts'

export const gaps: readonly string[] = [
  'A broker has one log directory, and no replicas on the move between directories.',
  'Directories are never cordoned.',
]

interface Place {
  readonly topic: string
  readonly partition: number
}

export const describeLogDirs = defineApi<DescribeLogDirsRequest, DescribeLogDirsResponseInput>({
  key: 35,
  minVersion: 1,
  maxVersion: 5,
  gaps,
  handle(request, ctx) {
    const { logs } = ctx.env
    const wanted =
      request.topics &&
      new Set(request.topics.flatMap(({ topic, partitions }) => partitions.map((partition) => `${topic}-${partition}`)))
    const topics = new Map<string, { partitionIndex: number; partitionSize: number; offsetLag: number }[]>()
    for (const log of logs.logs()) {
      const place = placeOf(log)
      if (!place || (wanted && !wanted.has(`${place.topic}-${place.partition}`))) continue
      const partitions = topics.get(place.topic) ?? []
      topics.set(place.topic, partitions)
      partitions.push({
        partitionIndex: place.partition,
        partitionSize: log.sizeInBytes,
        offsetLag: Math.max(log.highWatermark - log.logEndOffset, 0),
      })
    }
    const { totalBytes, usableBytes } = logs.sizeOnDisk()
    ctx.respond({
      results: [
        {
          errorCode: KafkaError.NONE,
          logDir: logs.path,
          topics: [...topics].map(([name, partitions]) => ({ name, partitions })),
          totalBytes,
          usableBytes,
        },
      ],
    })
  },
  failure: (_request, errorCode, version) => (version >= 3 ? { errorCode } : {}),
})

/** From the directory's name, which is `topic-partition`. */
function placeOf({ directory }: Log): Place | null {
  const match = /([^/]+)-(\d+)$/.exec(directory)
  return match ? { topic: match[1], partition: Number(match[2]) } : null
}
