/**
 * DescribeQuorum (55), versions 0–2: voters and observers of the metadata log (KIP-642, KIP-853). The controller answers.
 *
 * - v1 fetch times (KIP-836); v2 directory ids and listeners (KIP-853)
 */
import { errorMessage } from '@troupe/wire/errors'
import type { DescribeQuorumRequest, DescribeQuorumResponseInput } from '@troupe/wire/messages'
import { defineApi } from '../api.ts'
import { askController } from '../controller.ts'

export const gaps: readonly string[] = []

export const describeQuorum = defineApi<DescribeQuorumRequest, DescribeQuorumResponseInput>({
  key: 55,
  minVersion: 0,
  maxVersion: 2,
  gaps,
  handle(request, ctx) {
    askController<DescribeQuorumResponseInput>(ctx, 'DescribeQuorum', request, 0, {
      answered: (response) => ctx.respond(ctx.version >= 2 ? response : withoutNodes(response)),
      refused: (error) => ctx.respond(describeQuorum.failure(request, error, ctx.version)!),
    })
  },
  failure: (_request, error, version) => ({
    errorCode: error,
    ...(version >= 2 ? { errorMessage: errorMessage(error) } : {}),
  }),
})

/** What v0 and v1 cannot carry. */
function withoutNodes({ errorCode, topics = [] }: DescribeQuorumResponseInput): DescribeQuorumResponseInput {
  return {
    errorCode,
    topics: topics.map(({ topicName, partitions = [] }) => ({
      topicName,
      partitions: partitions.map(({ errorMessage: _message, ...partition }) => ({
        ...partition,
        currentVoters: withoutDirectories(partition.currentVoters),
        observers: withoutDirectories(partition.observers),
      })),
    })),
  }
}

type States = NonNullable<
  NonNullable<NonNullable<DescribeQuorumResponseInput['topics']>[number]['partitions']>[number]['observers']
>

function withoutDirectories(states: States = []): States {
  return states.map(({ replicaDirectoryId: _directory, ...state }) => state)
}
