/**
 * The protocol's safeguards, each readable by name at the exact guard it switches.
 *
 * In production all are on and the record is frozen. The simulator switches one off to show the bug that it
 * prevents; the Z numbers are those of the bug zoo. Add an entry beside the guard that reads it, never for later.
 */
export const allSafeguards = Object.freeze({
  /** Z01, KIP-101: a follower truncates by leader epoch, not to its high watermark. */
  truncateByEpoch: true,
  /** Z02, KIP-279: a look-up by leader epoch answers the largest epoch up to the one asked, and where that one ends. */
  epochLookupReturnsLargestEpoch: true,
  /** Z03, KAFKA-7415: an epoch is entered at election, also when nothing is ever written in it. */
  recordEpochOnElection: true,
  /** Z03, KAFKA-10706: truncation cuts the epoch cache also where it does not shorten the log. */
  truncateEpochCacheOnNoop: true,
  /** Z04, KIP-320: a leader answers only fetches of its own leader epoch. */
  fenceFetch: true,
  /** Z04: a leader tells only followers of its own leader epoch where to truncate. */
  fenceTruncation: true,
  /** Z04: a fetch position of an older leader epoch does not count towards the high watermark. */
  fenceHighWatermarkAdvance: true,
  /** Z04: a fetch of another leader epoch brings nobody into the ISR. */
  fenceIsrExpand: true,
  /** Z04: a follower joins the ISR only from the start offset of the current leader epoch on. */
  isrRequiresEpochStart: true,
  /** Z05, KIP-320: a consumer's fetch that names another leader epoch is refused. */
  checkCurrentLeaderEpoch: true,
  /** Z06, KIP-497: the high watermark waits for ISR ∪ pending ISR. */
  maximalIsr: true,
  /** Z07: AlterPartition is applied only on an equal partition epoch. */
  alterPartitionEpoch: true,
  /** Z07, KAFKA-12686: an open AlterPartition outlives metadata that says nothing new. */
  keepPendingOnMetadata: true,
  /** Z07, KAFKA-13790: metadata of an equal partition epoch is current. */
  acceptEqualPartitionEpoch: true,
  /** Z08, KIP-841: a leader does not propose a fenced or stopping broker for the ISR. */
  rejectFencedFromIsr: true,
  /** Z08, KIP-841: the controller refuses a fenced or stopping broker for the ISR. */
  controllerRejectsFenced: true,
  /** Z09, KIP-903: the controller compares the broker epoch of each replica in AlterPartition. */
  alterPartitionBrokerEpoch: true,
  /** Z09, KAFKA-15221: a proposal names the incarnations that were in sync when it was made, however often it is sent. */
  eligibilitySingleSnapshot: true,
  /** Z10, KIP-966: who leaves an ISR below min ISR stays eligible, and nobody else leads. */
  eligibleLeaderReplicas: true,
  /** Z10, KIP-966: a broker that did not stop cleanly leaves ISR and ELR when it registers. */
  uncleanShutdownDetection: true,
  /** Z11, KIP-966: the high watermark does not advance while the ISR is below min ISR. */
  highWatermarkRequiresMinIsr: true,
  /** Z12: what a leader knows of its followers ends with its epoch. */
  resetFollowersOnEpoch: true,
  /** Z12: a fetch response that does not match the request in flight is dropped. */
  matchFetchResponse: true,
  /** Z13, KAFKA-10471: the marker of a clean stop is removed before any log is loaded. */
  deleteMarkerFirst: true,
  /** Z14: the first I/O error takes the log offline before the next append. */
  fenceAfterIoError: true,
  /** Z14, KAFKA-7866: the log's end moves as soon as the bytes are written, before an index can fail. */
  endOffsetBeforeIndexes: true,
  /** Z15, KAFKA-16541: the leader-epoch file is synced before it takes the place of the one before. */
  syncEpochFile: true,
  /** Z16, KAFKA-5494: a retry is known again as long as it is one of the producer's last five batches. */
  rememberFiveBatches: true,
  /** Z17: the first batch of a producer on a partition starts at sequence 0. */
  requireZeroFirstSequence: true,
  /** Z17: a producer sends nothing behind its first batch on a partition before that is acknowledged. */
  firstBatchAlone: true,
  /** Z18, KIP-360: a producer is remembered after its batches were deleted from the start of the log. */
  keepProducerStateOnLogStart: true,
  /** Z19, KAFKA-9144: a transaction marker counts as a sign of life of its producer. */
  expireByMarkerTime: true,
  /** Z18, KIP-360: a producer whose state the broker has lost restarts at sequence 0 only in a new epoch. */
  resetSequencesOnlyWithNewEpoch: true,
  /** Z20, KAFKA-18019: INVALID_PRODUCER_ID_MAPPING ends the producer; aborting and going on would redo others' work. */
  invalidPidMappingIsFatal: true,
  /** Z21, KIP-890: the leader asks the transaction coordinator before it opens a transaction. */
  verifyOnAppend: true,
  /** Z21: a marker invalidates the verification that is under way. */
  verificationGuard: true,
  /** Z22, KIP-890: every end of a transaction begins a new producer epoch (transaction.version 2). */
  epochPerTransaction: true,
  /** Z22, KAFKA-9600: EndTxn must name the current epoch; a larger one is refused as well. */
  strictEndTxnEpoch: true,
  /** Z23, KAFKA-18575: a new transaction (TV2) waits while the producer's previous one is open here. */
  tv2GuardOnCompleting: true,
  /** Z24, KIP-1228: epoch check of transaction markers. */
  strictMarkerEpoch: true,
  /** Z24, KAFKA-19999: a marker of the current epoch with no transaction open has been written before: no error. */
  acceptRepeatedMarker: true,
  /** Z25, KAFKA-20090: the abort that fences with a producer id's last epoch gives it a new producer id. */
  rotateProducerIdOnFence: true,
  /** Z25, KAFKA-19367: the abort before a new producer instance is itself the bump that fences the old one. */
  bumpEpochOnce: true,
  /** Z26, KAFKA-9666: what a failed append was to change is taken back, the bump of an epoch too. */
  rebuildAfterFailedAppend: true,
  /** Z27, KAFKA-10080: whoever completes a transaction takes it out first, so that nobody else does. */
  completeOnce: true,
  /** Z27, KAFKA-9777: an answer takes away the marker that it answers, never another of the same name. */
  removePendingMarkerByValue: true,
  /** Z28, KAFKA-17507: a marker is answered when the offsets that it decides are in place. */
  replyAfterApply: true,
  /** Z29, KAFKA-9807: a fetch reads log start, high watermark and last stable offset at one moment. */
  fetchBoundsSnapshot: true,
  /** Z29: read_committed ends before the last stable offset, off by nothing. */
  lastStableOffsetExclusive: true,
  /** Z30: offset commits are fenced by member and generation or epoch. */
  fenceOffsetCommit: true,
  /** Z30, KIP-447: transactional offset commits are fenced by member and generation. */
  fenceTxnOffsetCommit: true,
  /** Z30: OffsetFetch with requireStable waits for undecided commits. */
  requireStableOffsets: true,
  /** Z32: coordinators load and unload by leader epoch. */
  coordinatorEpochGate: true,
  /** Z32: a replica serves a coordinator only in the leader epoch under which that coordinator was elected. */
  coordinatorAppendEpoch: true,
  /** Z32, KAFKA-20634: what a coordinator waits for is not committed by a high watermark of a later epoch. */
  highWatermarkListenerChecksEpoch: true,
  /** Z33a: a Raft leader commits only with a record of its own epoch. */
  raftCommitOwnEpoch: true,
  /** Z33a, off by one: that record itself must be committed, not only what is before it. */
  raftCommitLeaderChange: true,
  /** Z33b: a voter that led before it restarted resigns its epoch. */
  raftResignOnRestart: true,
  /** Z33b: the vote is on disk before it is answered. */
  raftSyncVote: true,
  /** Z33c, KIP-996: no epoch is raised before a majority would vote. */
  raftPreVote: true,
  /** Z33d: a leader that a majority does not fetch from resigns. */
  raftCheckQuorum: true,
  /** Z33e, KAFKA-17332: an observer, too, syncs its log before it names its position. */
  raftObserverFlush: true,
  /** Z33f, KAFKA-13959: a fetch that waits is answered when the high watermark moves, not only when records come. */
  raftAnswerHighWatermark: true,
  /** Z34, KAFKA-13194: the cleaner leaves alone what is not committed. */
  cleanBelowHighWatermark: true,
  /** Z35, KAFKA-8351: a pass of the cleaner follows transactions from one segment into the next. */
  trackTransactionsAcrossSegments: true,
  /** Z05, KIP-320: a consumer has its position checked by leader epochs, on a change of the leader and with each fetch. */
  validatePosition: true,
  /** Z05, KAFKA-8429: the answer to a validation counts only for the position that was asked about. */
  recheckAfterValidation: true,
  /** Z31, KAFKA-14639: of two members that claim a partition, the sticky assignors believe that of the later generation. */
  stickyUsesGeneration: true,
})

export type Safeguards = { readonly [Name in keyof typeof allSafeguards]: boolean }
