/**
 * OffsetFetch (9), versions 1–10: the offsets that groups committed.
 *
 * - v2 all topics by null, a top-level error; v5 leader epoch; v7 requireStable (KIP-447)
 * - v8 several groups at once (KIP-709); v9 member epochs (KIP-848); v10 topic ids (KIP-516)
 *
 * Each group is asked of its own coordinator; up to v7 there is one, in the request's top-level fields.
 */
import type { OffsetFetch } from '@troupe/groups/messages'
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import { zeroUuid } from '@troupe/wire/io'
import type {
  OffsetFetchRequest,
  OffsetFetchRequest_OffsetFetchRequestGroup,
  OffsetFetchResponse_OffsetFetchResponseGroupInput,
  OffsetFetchResponse_OffsetFetchResponseTopicsInput,
  OffsetFetchResponseInput,
} from '@troupe/wire/messages'
import { defineApi } from '../api.ts'
import { Barrier } from '../barrier.ts'
import type { RequestContext } from '../context.ts'
import { askCoordinator, clientOf } from '../coordinators.ts'

export const gaps: readonly string[] = []

type Group = OffsetFetchRequest_OffsetFetchRequestGroup
type GroupAnswer = OffsetFetchResponse_OffsetFetchResponseGroupInput
type TopicAnswer = OffsetFetchResponse_OffsetFetchResponseTopicsInput

export const offsetFetch = defineApi<OffsetFetchRequest, OffsetFetchResponseInput>({
  key: 9,
  minVersion: 1,
  maxVersion: 10,
  gaps,
  handle(request, ctx) {
    const groups = groupsOf(request, ctx.version)
    const answers: GroupAnswer[] = []
    const barrier = new Barrier(() => ctx.respond(shape(groups, answers, ctx.version)))
    groups.forEach((group, g) => {
      barrier.expect()
      askGroup(ctx, group, request.requireStable, (answer) => {
        answers[g] = answer
        barrier.arrived()
      })
    })
    barrier.open()
  },
  failure(request, error, version) {
    const groups = groupsOf(request, version)
    return shape(
      groups,
      groups.map(({ groupId }) => ({ groupId, errorCode: error })),
      version,
    )
  },
})

function groupsOf(request: OffsetFetchRequest, version: number): Group[] {
  if (version >= 8) return request.groups
  const topics =
    request.topics?.map(({ name, partitionIndexes }) => ({ name, topicId: zeroUuid, partitionIndexes })) ?? null
  return [{ groupId: request.groupId, memberId: null, memberEpoch: -1, topics }]
}

function askGroup(
  ctx: RequestContext,
  group: Group,
  requireStable: boolean,
  then: (answer: GroupAnswer) => void,
): void {
  const { groupId } = group
  const byId = ctx.version >= 10
  const unknown: TopicAnswer[] = []
  const body = byId ? withNames(ctx, group, unknown) : group
  askCoordinator<OffsetFetch, GroupAnswer>(
    ctx,
    'groups',
    groupId,
    { kind: 'offsetFetch', body, requireStable, version: ctx.version, client: clientOf(ctx) },
    (answer) => {
      if (answer.errorCode) return then({ groupId, errorCode: answer.errorCode })
      const topics = byId ? withIds(ctx, body, answer.topics ?? []) : (answer.topics ?? [])
      then({ ...answer, groupId, topics: [...topics, ...unknown] })
    },
    (errorCode) => then({ groupId, errorCode }),
  )
}

/** The coordinator knows topics by name; ids that nobody knows are answered at once. */
function withNames(ctx: RequestContext, group: Group, unknown: TopicAnswer[]): Group {
  if (group.topics === null) return group
  const topics = []
  for (const asked of group.topics) {
    const name = ctx.env.cluster.topicById(asked.topicId)?.name
    if (name !== undefined) topics.push({ ...asked, name })
    else {
      const partitions = asked.partitionIndexes.map((index) => nothing(index, KafkaError.UNKNOWN_TOPIC_ID))
      unknown.push({ topicId: asked.topicId, partitions })
    }
  }
  return { ...group, topics }
}

/** Committed offsets of topics that are gone have no id to show. */
function withIds(ctx: RequestContext, group: Group, topics: readonly TopicAnswer[]): TopicAnswer[] {
  const asked = new Map(group.topics?.map(({ name, topicId }) => [name, topicId]))
  return topics
    .map((topic) => {
      const name = topic.name ?? ''
      return { ...topic, topicId: asked.get(name) ?? ctx.env.cluster.topic(name)?.id ?? zeroUuid }
    })
    .filter(({ topicId }) => topicId !== zeroUuid)
}

function nothing(partitionIndex: number, errorCode: ErrorCode) {
  return { partitionIndex, committedOffset: -1, committedLeaderEpoch: -1, metadata: '', errorCode }
}

function shape(groups: readonly Group[], answers: readonly GroupAnswer[], version: number): OffsetFetchResponseInput {
  if (version >= 8) return { groups: answers }
  const { errorCode = KafkaError.NONE, topics = [] } = answers[0]
  const old = topics.map(({ name, partitions }) => ({ name, partitions }))
  if (errorCode === KafkaError.NONE || version >= 2) return { errorCode, topics: old }
  // v1 has no top-level error: every partition that was asked for carries it.
  return {
    topics: (groups[0].topics ?? []).map(({ name, partitionIndexes }) => ({
      name,
      partitions: partitionIndexes.map((index) => nothing(index, errorCode as ErrorCode)),
    })),
  }
}
