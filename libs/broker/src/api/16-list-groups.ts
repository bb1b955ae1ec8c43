/**
 * ListGroups (16), versions 0–5: the groups that this broker coordinates.
 *
 * - v4 filter by state (KIP-518); v5 filter by type (KIP-848)
 *
 * Every coordinator shard of this broker is asked. One that is loading makes the answer COORDINATOR_LOAD_IN_PROGRESS.
 */
import type { ListGroups } from '@troupe/groups/messages'
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import type {
  ListGroupsRequest,
  ListGroupsResponse_ListedGroupInput,
  ListGroupsResponseInput,
} from '@troupe/wire/messages'
import { defineApi } from '../api.ts'
import { Barrier } from '../barrier.ts'
import { askShard, clientOf, localShards } from '../coordinators.ts'

export const gaps: readonly string[] = []

export const listGroups = defineApi<ListGroupsRequest, ListGroupsResponseInput>({
  key: 16,
  minVersion: 0,
  maxVersion: 5,
  gaps,
  handle(request, ctx) {
    const groups: ListGroupsResponse_ListedGroupInput[] = []
    let errorCode: number = KafkaError.NONE
    const barrier = new Barrier(() => ctx.respond({ errorCode, groups: errorCode === KafkaError.NONE ? groups : [] }))
    for (const shard of localShards(ctx, 'groups')) {
      barrier.expect()
      // A shard that moved away meanwhile lists its groups elsewhere.
      const refused = (error: number): void => {
        if (error !== KafkaError.NOT_COORDINATOR) errorCode = error
        barrier.arrived()
      }
      askShard<ListGroups, ListGroupsResponseInput>(
        ctx,
        'groups',
        shard,
        { kind: 'listGroups', body: request, version: ctx.version, client: clientOf(ctx) },
        (response) => {
          if (response.errorCode) return refused(response.errorCode)
          groups.push(...(response.groups ?? []))
          barrier.arrived()
        },
        (error: ErrorCode) => refused(error),
      )
    }
    barrier.open()
  },
  failure: (_request, errorCode) => ({ errorCode }),
})
