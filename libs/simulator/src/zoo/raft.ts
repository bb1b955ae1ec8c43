/** Z33: the six cages of the metadata quorum. */
import { raftModel } from '../models/raft.ts'
import { raftTimedModel } from '../models/raft-timed.ts'
import type { Cage } from './contract.ts'

/** One failing leader, one record, one election after the first: enough for Z33a. */
const oneElection = { voters: 3, observers: 0, elections: 1, records: 1, crashes: 1, losses: 0, fetchBatches: 1 }

export const raftCages: readonly Cage[] = [
  {
    id: 'Z33a',
    title: 'A leader commits what it has inherited before a record of its own epoch',
    source: 'KAFKA-12619, PR #10481; figure 8 of the Raft paper',
    safeguard: 'raftCommitOwnEpoch',
    invariants: ['K3'],
    model: raftModel,
    bounds: oneElection,
    find: 'search',
  },
  {
    id: 'Z33a-off-by-one',
    title: 'A leader commits everything before its first record, but not that record',
    source: 'KAFKA-12619, PR #10481',
    safeguard: 'raftCommitLeaderChange',
    invariants: ['K3'],
    model: raftModel,
    bounds: oneElection,
    find: 'search',
  },
  {
    id: 'Z33b-restart',
    title: 'A leader that has lost what it had not synced goes on in the same epoch',
    source: 'KAFKA-10527, PR #9348',
    safeguard: 'raftResignOnRestart',
    invariants: ['K2', 'K1', 'K3'],
    model: raftModel,
    bounds: { ...oneElection, elections: 0, records: 2, fetchBatches: 2 },
    find: 'search',
  },
  {
    id: 'Z33b-vote',
    title: 'A vote that was not synced is given twice',
    source: 'KAFKA-10527; confluentinc/kafka #302',
    safeguard: 'raftSyncVote',
    invariants: ['K5', 'K1'],
    model: raftModel,
    bounds: { ...oneElection, elections: 2, records: 0 },
    find: 'search',
  },
  {
    id: 'Z33c',
    title: 'A voter that was cut off deposes a healthy leader when it returns',
    source: 'KIP-996',
    safeguard: 'raftPreVote',
    invariants: ['L2'],
    model: raftTimedModel,
    bounds: { voters: 3, observers: 1, ticks: 40, cuts: 1, busy: 0 },
    find: 'search',
  },
  {
    id: 'Z33d',
    title: 'A leader that is cut off never resigns, and keeps the observers on its side for ever',
    source: 'KAFKA-15489, PR #14428',
    safeguard: 'raftCheckQuorum',
    invariants: ['L2'],
    model: raftTimedModel,
    bounds: { voters: 3, observers: 1, ticks: 40, cuts: 1, busy: 0 },
    find: 'search',
  },
  {
    id: 'Z33e',
    title: 'An observer about to become a voter has not synced what it is counted with',
    source: 'KIP-853, KAFKA-17332, PR #16907; TLA-V',
    safeguard: 'raftObserverFlush',
    invariants: ['K3'],
    model: raftModel,
    bounds: { ...oneElection, voters: 2, observers: 1 },
    find: 'search',
    impossible:
      'The voters are configured (kraft.version 0): there is no AddRaftVoter, RemoveRaftVoter or UpdateRaftVoter, no ' +
      'VotersRecord is ever written, and a leader counts configured voters only. So no change of voters can come before a ' +
      'record of the own epoch, and no observer, synced or not, is counted in or becomes a voter.',
  },
  {
    id: 'Z33f',
    title: 'On a busy log a follower stays one high watermark behind, and no broker is ever caught up',
    source: 'KAFKA-13959, PR #12274',
    safeguard: 'raftAnswerHighWatermark',
    invariants: ['L1'],
    model: raftTimedModel,
    bounds: { voters: 3, observers: 1, ticks: 40, cuts: 0, busy: 1 },
    find: 'search',
  },
]
