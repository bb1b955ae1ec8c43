/**
 * The file `quorum-state`: which epoch this voter is in, who leads it, whom it voted for.
 *
 * JSON as Kafka's FileQuorumStateStore writes it (QuorumStateData version 1; version 0 is read too).
 */
import { zeroUuid } from '@troupe/wire/uuid'
import type { ElectionState } from '../quorum-store.ts'

const DATA_VERSION = 1

export function encodeQuorumState(state: ElectionState): Uint8Array {
  return new TextEncoder().encode(
    JSON.stringify({
      leaderId: state.leaderId,
      leaderEpoch: state.epoch,
      votedId: state.votedId,
      votedDirectoryId: state.votedDirectoryId,
      data_version: DATA_VERSION,
    }),
  )
}

/** null when the file does not hold a whole state: it is replaced atomically, so that means a file from elsewhere. */
export function decodeQuorumState(bytes: Uint8Array): ElectionState | null {
  const json = parse(new TextDecoder().decode(bytes))
  const { leaderId, leaderEpoch, votedId, votedDirectoryId } = json
  if (typeof leaderId !== 'number' || typeof leaderEpoch !== 'number' || typeof votedId !== 'number') return null
  return {
    epoch: leaderEpoch,
    leaderId,
    votedId,
    votedDirectoryId: typeof votedDirectoryId === 'string' ? votedDirectoryId : zeroUuid,
  }
}

function parse(text: string): { readonly [name: string]: unknown } {
  try {
    const json: unknown = JSON.parse(text)
    return typeof json === 'object' && json !== null ? (json as { [name: string]: unknown }) : {}
  } catch {
    return {}
  }
}
