/** Why a mutant lives: what people found out, kept beside the guard's text so that line numbers may move. */
export interface Note {
  readonly file: string
  /** As the table shows it. */
  readonly text: string
  /** Default: both. */
  readonly to?: boolean
  readonly why: string
}

const replication = (file: string, text: string, to: boolean | undefined, why: string): Note => {
  return { file: `libs/replication/src/${file}.ts`, text, ...(to !== undefined && { to }), why }
}

const ofController = (file: string, text: string, to: boolean | undefined, why: string): Note => {
  return { file: `libs/controller/src/${file}.ts`, text, ...(to !== undefined && { to }), why }
}

const ofReplicas: readonly Note[] = [
  replication(
    'coordinator-append',
    'leaderEpoch !== state.leaderEpoch',
    false,
    'the safeguard coordinatorAppendEpoch: its cage (Z32) searches more states than this pass did',
  ),
  replication(
    'divergence',
    'end.leaderEpoch < 0',
    false,
    'a second line: nothing is found only above all epochs, which the fence of the fetch refuses before',
  ),
  replication(
    'fetch',
    'divergingEpoch === null',
    false,
    'an offset out of range reads nothing anyway: a consumer is told nothing instead of OFFSET_OUT_OF_RANGE',
  ),
  replication(
    'follower',
    'fetched.highWatermark === log.highWatermark',
    undefined,
    'how long the next fetch may wait: speed, not safety',
  ),
  replication(
    'follower',
    'highWatermark > log.highWatermark',
    true,
    'redundant with the log’s own comparison (partition-log.ts, setHighWatermark)',
  ),
  replication(
    'follower',
    'highWatermark > log.highWatermark',
    false,
    'a follower that never learns the high watermark: with truncation by epochs nothing rests on it until it leads, and ' +
      'then it counts anew; no consumer here fetches from followers (KIP-392)',
  ),
  replication(
    'follower',
    'own.leaderEpoch < 0',
    true,
    'cut where the leader says rather than where both agree: one more round of truncation, or one fewer',
  ),
  replication(
    'high-watermark',
    'isr.includes(follower.id)',
    true,
    'waits for every replica: safe, and unavailable only while one is away; the healed clusters have all of them',
  ),
  replication(
    'high-watermark',
    'offset > log.highWatermark',
    true,
    'redundant with the log’s own comparison (partition-log.ts, setHighWatermark)',
  ),
  replication(
    'isr-state',
    'aliveEpoch === undefined',
    false,
    'the safeguard rejectFencedFromIsr: the controller refuses a fenced broker as well (controllerRejectsFenced)',
  ),
  replication(
    'isr-state',
    'aliveEpoch === undefined',
    true,
    'the leader’s comparison of incarnations: redundant with the controller’s (alterPartitionBrokerEpoch)',
  ),
  replication(
    'isr-state',
    'follower.brokerEpoch === -1',
    undefined,
    'the leader’s comparison of incarnations: redundant with the controller’s (alterPartitionBrokerEpoch)',
  ),
  replication(
    'isr-state',
    'follower.brokerEpoch === aliveEpoch',
    true,
    'the leader’s comparison of incarnations: redundant with the controller’s (alterPartitionBrokerEpoch)',
  ),
  replication(
    'isr',
    'state.pendingIsr === null',
    undefined,
    'one proposal at a time: the controller’s comparison of partition epochs refuses a second one',
  ),
  replication(
    'isr',
    'remaining.length < state.isr.length',
    true,
    'proposes the ISR that there is: a request more, no change',
  ),
  replication(
    'isr',
    'remaining.length < state.isr.length',
    false,
    'never shrinks: who is dead is taken out by the controller; it takes a live follower that stays behind for ever, ' +
      'and healed clusters have none',
  ),
  replication(
    'isr',
    'answer.leaderEpoch !== state.leaderEpoch',
    false,
    'an answer of another leader epoch has an older partition epoch, too: redundant with the comparison beside it',
  ),
  replication(
    'leader',
    'message.brokerEpoch !== -1',
    undefined,
    'refuses an earlier incarnation early; ISR changes compare incarnations again, here and at the controller',
  ),
  replication(
    'leader',
    'aliveEpoch !== undefined',
    undefined,
    'refuses an earlier incarnation early; ISR changes compare incarnations again, here and at the controller',
  ),
  replication(
    'offsets',
    'state.leaderEpochStartOffset > log.highWatermark',
    false,
    'KIP-207: only a reader that asks for the latest offset in the moment after an election would see it fall',
  ),
  replication(
    'parked-fetches',
    'follower.sentHighWatermark < log.highWatermark',
    undefined,
    'whether a waiting follower hears of the high watermark at once or with its next fetch: speed',
  ),
  replication(
    'produce',
    'state.isr.length < effectiveMinIsr(state)',
    false,
    'an append below min ISR is not answered before the ISR has grown again (highWatermarkRequiresMinIsr)',
  ),
  replication(
    'refusals',
    'currentLeaderEpoch !== NO_EPOCH',
    false,
    'no fence by leader epoch: the safeguards of Z04 and Z05, each with a cage of its own that searches more states; a ' +
      'follower also drops answers of another epoch (matchFetchResponse)',
  ),
  replication(
    'refusals',
    'currentLeaderEpoch < state.leaderEpoch',
    false,
    'half of the fence of Z04 and Z05: a follower also drops answers of another epoch (matchFetchResponse), and its ' +
      'progress of another epoch does not count (fenceHighWatermarkAdvance, fenceIsrExpand)',
  ),
  replication(
    'refusals',
    'currentLeaderEpoch > state.leaderEpoch',
    false,
    'half of the fence of Z04 and Z05: a follower also drops answers of another epoch (matchFetchResponse), and its ' +
      'progress of another epoch does not count (fenceHighWatermarkAdvance, fenceIsrExpand)',
  ),
  replication(
    'roles',
    'view.partitionEpoch < oldest',
    false,
    'metadata of the same leader epoch comes in order; an ISR change that is ahead of it is rare within the bound (Z07)',
  ),
  replication(
    'roles',
    'view.leaderEpoch > state.leaderEpoch',
    false,
    'matters only to a leader that is elected again without an end in between, which a larger bound must show',
  ),
  replication(
    'roles',
    'view.partitionEpoch > state.partitionEpoch',
    false,
    'a view of a later partition epoch while a proposal is open: its answer or its time-out settles it instead',
  ),
  replication(
    'roles',
    'state.pendingIsr !== null',
    undefined,
    'whether a timer is taken back that does nothing when it fires late',
  ),
  replication(
    'roles',
    'view.isr.includes(id)',
    undefined,
    'how long a member of the ISR has to show itself after an election: time, which models do not have; in the runs the ' +
      'next fetch repairs it',
  ),
]

const ofRaft: readonly Note[] = [
  ofController(
    'raft/become',
    'epoch === raft.epoch',
    true,
    'an epoch without a vote or a leader is not written, or a vote is carried into an epoch in which it stops one more: ' +
      'nothing was promised that a restart could break',
  ),
  ofController('raft/become', 'epoch === raft.epoch', false, 'writes or forgets what has not changed: see the bound'),
  ofController(
    'raft/become',
    'epoch > raft.epoch',
    true,
    'forgets the vote of an epoch whose election was lost: K5 needs a second candidate in that very epoch, beyond the bound',
  ),
  ofController(
    'raft/election',
    'request.replicaEpoch > raft.epoch',
    false,
    'votes in its own epoch for a candidate of a later one: a winner needs two such votes, beyond the bound',
  ),
  ofController(
    'raft/election',
    'request.replicaEpoch < raft.epoch',
    false,
    'a candidate of an earlier epoch hears of the later one in the answer and gives up (follows)',
  ),
  ofController(
    'raft/election',
    'epoch < raft.epoch',
    true,
    'later epochs are learnt from requests and fetches as well',
  ),
  ofController(
    'raft/election',
    'request.leaderEpoch > raft.epoch',
    undefined,
    'a leader is also found through refused fetches',
  ),
  ofController(
    'raft/election',
    'request.leaderEpoch < raft.epoch',
    undefined,
    'BeginQuorumEpoch and EndQuorumEpoch are courtesies: leaders are also found by fetching, and missed by time-outs',
  ),
  ofController(
    'raft/election',
    'request.leaderEpoch === raft.epoch',
    undefined,
    'refuses a second leader of one epoch, which K1 excludes already; otherwise leaders are found by fetching',
  ),
]

export const notes: readonly Note[] = [...ofReplicas, ...ofRaft]
