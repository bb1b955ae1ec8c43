/** What of a JoinGroup is kept: its own copy, for the request's bytes are gone after the step. */
import type { JoiningMember } from './membership.ts'
import type { JoinGroup } from './messages.ts'

export function announced({
  body,
}: JoinGroup): Pick<JoiningMember, 'protocols' | 'sessionTimeoutMs' | 'rebalanceTimeoutMs'> {
  const { sessionTimeoutMs, rebalanceTimeoutMs } = body
  return {
    protocols: body.protocols.map(({ name, metadata }) => ({ name, metadata: metadata.slice() })),
    sessionTimeoutMs,
    // v0 has none.
    rebalanceTimeoutMs: rebalanceTimeoutMs === -1 ? sessionTimeoutMs : rebalanceTimeoutMs,
  }
}
