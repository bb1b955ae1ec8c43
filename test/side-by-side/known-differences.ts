/**
 * Where Troupe answers otherwise than Apache Kafka 4.3.1, and why. A `*` stands for anything. The suite fails on a
 * difference that is not listed here, and on a line here that no longer describes any difference.
 */
import type { KnownDifference } from './harness/compare.ts'

type Row = readonly [scenario: string, step: string, path: string, reason: string]

const died = "Kafka's handler dies of an exception and says UNKNOWN_SERVER_ERROR or nothing; Troupe says what is wrong"
const ownProcess = 'the controller has no listener, process or quorum file of its own: all brokers are in one process'
const fixedListeners = 'what a listener is made of does not change while the broker runs'
const repeated = 'a partition that stands twice in one request is written twice; Kafka keeps the last'
const stricter = 'a record that says something else than its batch header is refused; Kafka stores it'
const header = "the batch header's largest timestamp is taken as it is; Kafka reads every record to find it"
const unknownProducer =
  'a producer that is known nowhere begins at sequence 0, so that a lost beginning is noticed (see requireZeroFirstSequence)'
const lenient = "nonsense that does no harm is taken for the nearest sense; Kafka's read fails on it"

const rows: readonly Row[] = [
  ['ApiVersions', 'what is served*', 'finalizedFeatures[kraft.version]', `${ownProcess}, so kraft.version stays 0`],
  ['Metadata', 'by neither*', '*', died],
  [
    'Metadata',
    'created by asking*',
    'topics*',
    'the answer waits until the topic is there; Kafka lets the client ask again',
  ],
  ['DescribeTopicPartitions', 'invalid name*', 'topics*', died],
  [
    'FindCoordinator',
    'share group too early*',
    'coordinators*.errorMessage',
    'says what is wrong; Kafka leaves the text empty',
  ],
  [
    'CreateTopics',
    'timeout *',
    'topics*',
    'a timeout of 0 or less is an answer when it is done, which is at once; Kafka creates the topic and says REQUEST_TIMED_OUT',
  ],
  [
    'DeleteTopics',
    'by name and by id at once*',
    'responses*.topicId',
    'the answer names the topic as it was asked for first',
  ],
  [
    'ElectLeaders',
    'unknown type*',
    'replicaElectionResults*',
    'refused as a whole; Kafka repeats the refusal for every partition',
  ],
  ['Produce', 'partition twice*', '*', repeated],
  ['Produce', 'topic twice*', '*', repeated],
  ['Produce', 'null records*', '', died],
  ['Produce: corrupt batches', 'magic 3*', '*.errorMessage', 'the error says it all'],
  ['Produce: corrupt batches', 'length *', '*.errorMessage', 'the error says it all'],
  [
    'Produce: corrupt batches',
    'junk after the batch*',
    '*',
    'what follows a batch is no batch: refused; Kafka drops it in silence',
  ],
  ['Produce: corrupt batches', 'records with *', '*', stricter],
  [
    'Produce: corrupt batches',
    'log append time from a client*',
    '*',
    'only a broker stamps batches; Kafka takes the flag away',
  ],
  ['Produce: corrupt batches', 'unknown compression *', '*', died],
  ['Produce: corrupt batches', 'says *', '*', died],
  ['Produce: corrupt batches', 'gzip cut off*', '*', died],
  ['Produce: corrupt batches', 'a max timestamp *', '*.maxTimestamp', header],
  ['Produce: corrupt batches', 'a base timestamp *', '*.maxTimestamp', header],
  ['Produce: corrupt compressed batches', '*with garbage*', '*', died],
  ['Produce: corrupt compressed batches', '*with wrong offset deltas*', '*', died],
  [
    'Produce: an idempotent producer',
    'duplicate*',
    '*.logAppendTimeMs',
    'a duplicate is answered as the original was; Kafka gives the time of its records',
  ],
  ['Produce: an idempotent producer', 'first sequence *', '*', unknownProducer],
  ['Produce: an idempotent producer', 'sequences at their end*', '*', unknownProducer],
  ['Produce: an idempotent producer', 'unknown producer with sequence *', '*', unknownProducer],
  ['Produce: an idempotent producer', 'what is in idem *', '*', unknownProducer],
  ['Produce: an idempotent producer', 'producers of * · DescribeProducers v0', '*', unknownProducer],
  [
    'Produce: an idempotent producer',
    'producers of unknown partitions*',
    '*.errorMessage',
    'says what is wrong; Kafka leaves the text out',
  ],
  [
    'Fetch',
    'two batches*',
    '*.records*',
    'whole batches only; Kafka sends the beginning of one more, which clients throw away',
  ],
  [
    'Fetch',
    'partition twice*',
    '*.records*',
    'whole batches only; Kafka sends the beginning of one more, which clients throw away',
  ],
  ['Fetch', 'negative sizes*', '*', lenient],
  ['Fetch', 'unknown isolation level*', '*', lenient],
  [
    'Fetch',
    'as an unknown replica*',
    '*',
    'followers of Troupe do not come over TCP: whoever says to be one is refused',
  ],
  ['OffsetForLeaderEpoch', 'epoch -2*', '*', lenient],
  [
    'TxnOffsetCommit',
    'future epoch*',
    '*',
    'an epoch above the open one may be the next one, whose marker is on its way: told to come again (KIP-890)',
  ],
  ['WriteTxnMarkers', 'old epoch*', '*', died],
  ['IncrementalAlterConfigs', 'unknown operation*', '*', died],
  ['IncrementalAlterConfigs', 'a logger*', '*', 'there are no loggers to change'],
  ['IncrementalAlterConfigs', 'in the end*', '*value', 'shown as it was set; Kafka shows it trimmed'],
  ['AlterConfigs', 'a resource twice*', '', died],
  ['DescribeConfigs', 'a broker*', '*[broker.id]*', 'node.id is what counts; Kafka fills in its old name'],
  ['DescribeConfigs', 'a broker*', '*[controller.*', ownProcess],
  ['DescribeConfigs', 'a broker*', '*[process.roles]*', ownProcess],
  ['DescribeConfigs', 'a broker*', '*[inter.broker.listener.name]*', ownProcess],
  ['DescribeConfigs', 'a broker*', '*[listener*', ownProcess],
  ['DescribeConfigs', 'a broker*', '*[sasl.*.readOnly', fixedListeners],
  ['DescribeConfigs', 'a broker*', '*[principal.builder.class].readOnly', fixedListeners],
  [
    'DescribeConfigs',
    'a broker*',
    '*[config.providers].readOnly',
    'there are no config providers: Java classes cannot be loaded',
  ],
  [
    'DescribeConfigs',
    'a broker*',
    '*[cordoned.log.dirs].readOnly',
    'a broker has one log directory and cannot do without it',
  ],
  ['DescribeConfigs', 'a broker*', '*[log.dirs]*', 'each has its own'],
  ['DescribeConfigs', 'a broker*', '*[troupe.*', 'our own properties'],
  ['DescribeConfigs', 'a group*', '*[share.*.synonyms*', 'share groups are not served yet'],
  ['DescribeConfigs', 'client metrics*', '*', 'client metrics are not served; only what was set is shown'],
  ['DescribeConfigs', 'whether there is prose*', '*', "descriptions are Kafka's own prose"],
  ['DescribeQuorum', '*', '*errorMessage', 'no error, no text'],
  ['DescribeQuorum', '*', '*leaderId', 'nobody leads what is not there; Kafka leaves a 0'],
  ['DescribeQuorum', '*', 'nodes*', ownProcess],
  [
    'connection: bodies',
    'Metadata v1 with an array of -2*',
    '*',
    'a negative length other than -1 is malformed; Kafka takes each for null',
  ],
]

export const knownDifferences: readonly KnownDifference[] = rows.map(([scenario, step, path, reason]) => ({
  scenario,
  step,
  path,
  reason,
}))
