/**
 * DescribeGroups (15), versions 0–6: state and members of groups.
 *
 * - v3 authorized operations (KIP-430); v4 static members (KIP-345); v6 GROUP_ID_NOT_FOUND and a message (KIP-1043)
 */
import type { DescribeGroups } from '@troupe/groups/messages'
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import type {
  DescribeGroupsRequest,
  DescribeGroupsResponse_DescribedGroupInput,
  DescribeGroupsResponseInput,
} from '@troupe/wire/messages'
import { defineApi } from '../api.ts'
import { Barrier } from '../barrier.ts'
import { askShard, byLocalShard, clientOf } from '../coordinators.ts'
import { GROUP_OPERATIONS, NO_OPERATIONS } from '../topic-view.ts'

export const gaps: readonly string[] = ['Authorized operations are all operations, because there is no authorizer.']

type Described = DescribeGroupsResponse_DescribedGroupInput

export const describeGroups = defineApi<DescribeGroupsRequest, DescribeGroupsResponseInput>({
  key: 15,
  minVersion: 0,
  maxVersion: 6,
  gaps,
  handle(request, ctx) {
    const described = new Map<string, Described>()
    const operations = request.includeAuthorizedOperations && ctx.version >= 3 ? GROUP_OPERATIONS : NO_OPERATIONS
    const barrier = new Barrier(() =>
      ctx.respond({
        groups: request.groups.map((id) => {
          const group = described.get(id) ?? unknown(id, KafkaError.NOT_COORDINATOR)
          return group.errorCode ? group : { ...group, authorizedOperations: operations }
        }),
      }),
    )
    for (const [shard, groups] of byLocalShard(ctx, 'groups', new Set(request.groups))) {
      if (shard < 0) continue
      barrier.expect()
      const settle = (answers: readonly Described[]): void => {
        for (const answer of answers) described.set(answer.groupId ?? '', answer)
        barrier.arrived()
      }
      const body = { groups, includeAuthorizedOperations: false }
      askShard<DescribeGroups, DescribeGroupsResponseInput>(
        ctx,
        'groups',
        shard,
        { kind: 'describeGroups', body, version: ctx.version, client: clientOf(ctx) },
        (response) => settle(response.groups ?? []),
        (error) => settle(groups.map((id) => unknown(id, error))),
      )
    }
    barrier.open()
  },
  failure: (request, error) => ({ groups: request.groups.map((id) => unknown(id, error)) }),
})

function unknown(groupId: string, errorCode: ErrorCode): Described {
  return { groupId, errorCode }
}
