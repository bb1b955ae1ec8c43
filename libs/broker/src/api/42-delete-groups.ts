/**
 * DeleteGroups (42), versions 0–2: empty groups and their offsets (KIP-229).
 */
import type { DeleteGroups } from '@troupe/groups/messages'
import { KafkaError } from '@troupe/wire/errors'
import type { DeleteGroupsRequest, DeleteGroupsResponseInput } from '@troupe/wire/messages'
import { defineApi } from '../api.ts'
import { Barrier } from '../barrier.ts'
import { askShard, byLocalShard, clientOf } from '../coordinators.ts'

export const gaps: readonly string[] = []

export const deleteGroups = defineApi<DeleteGroupsRequest, DeleteGroupsResponseInput>({
  key: 42,
  minVersion: 0,
  maxVersion: 2,
  gaps,
  handle(request, ctx) {
    const ids = new Set(request.groupsNames)
    const errors = new Map<string, number>()
    const barrier = new Barrier(() =>
      ctx.respond({
        results: [...ids].map((groupId) => ({ groupId, errorCode: errors.get(groupId) ?? KafkaError.NOT_COORDINATOR })),
      }),
    )
    for (const [shard, groupsNames] of byLocalShard(ctx, 'groups', ids)) {
      if (shard < 0) continue
      barrier.expect()
      askShard<DeleteGroups, DeleteGroupsResponseInput>(
        ctx,
        'groups',
        shard,
        { kind: 'deleteGroups', body: { groupsNames }, version: ctx.version, client: clientOf(ctx) },
        (response) => {
          for (const { groupId = '', errorCode = 0 } of response.results ?? []) errors.set(groupId, errorCode)
          barrier.arrived()
        },
        (error) => {
          for (const id of groupsNames) errors.set(id, error)
          barrier.arrived()
        },
      )
    }
    barrier.open()
  },
  failure: (request, errorCode) => ({ results: request.groupsNames.map((groupId) => ({ groupId, errorCode })) }),
})
