/**
 * A stage for transcripts of one quorum member (1 of voters 1, 2, 3, or observer 4): each line is what happens to it, the
 * indented lines what it does, complete but for timers, and the phase it is in when that has changed.
 *
 *   vote|prevote from= epoch= last=<epoch>/<offset>   asked for a vote        grant|deny from=   the answer to its own question
 *   begin|end from= epoch=                            an epoch is announced   fail from=         its question fails (broker down)
 *   fetch from= epoch= offset= last= [hw=]            a follower fetches      append             the leader writes a record
 *   fetched epoch= hw= [records=<epoch>×<n>] [diverge=<epoch>/<end>]          the answer to its own fetch
 *   refused from= epoch= leader=                      the answer to its own fetch, by somebody who does not lead
 *   timer election|checkQuorum|…                      fires                   flush · sync-crash · wait <ms>
 */
import { allSafeguards, type Env, type Message, type Safeguards } from '@troupe/actor'
import { MemoryFileSystem } from '@troupe/log/memory-file-system'
import { errorName, KafkaError } from '@troupe/wire/errors'
import { append } from '../src/raft/leading.ts'
import type { Raft, RaftConfig } from '../src/raft/state.ts'
import { checkRaft } from '../src/raft/state.ts'
import { onRaftReply, startRaft, stepRaft, type RaftMessage } from '../src/raft/step.ts'
import { encodeEntries } from '../src/records.ts'
import { FileQuorumStore } from '../src/store/file-quorum-store.ts'
import { directoryIdOf, Effects } from './simulation.ts'

const CLUSTER = 'cluster'
const config: Omit<RaftConfig, 'self'> = {
  voters: [1, 2, 3],
  electionTimeoutMs: 100,
  fetchTimeoutMs: 300,
  fetchMaxWaitMs: 100,
  backoffMs: 10,
  fetchMaxBytes: 1 << 20,
}

export class Voter {
  raft: Raft
  readonly #files = new MemoryFileSystem({ syncAtOnce: true })
  readonly #env: { -readonly [Field in keyof Env]: Env[Field] }
  #phase = ''
  #asked: { id: number; to: number; kind: string }[] = []

  constructor(safeguards: Partial<Safeguards>, self: number) {
    this.#env = {
      self: { broker: self, actor: 'controller' },
      now: 1000,
      random: () => 0,
      safeguards: { ...allSafeguards, ...safeguards },
    }
    this.raft = this.#start(new Effects())
    this.#phase = this.raft.phase
  }

  #start(out: Effects): Raft {
    const self = this.#env.self.broker
    const directoryId = directoryIdOf(self)
    const store = new FileQuorumStore(this.#files, { path: '/v', clusterId: CLUSTER, directoryId })
    this.#asked = []
    this.raft = startRaft({ ...config, self }, store, this.#env, out)
    return this.raft
  }

  run(line: string): string[] {
    const [verb, ...words] = line.trim().split(/\s+/)
    const options = new Map(
      words.filter((word) => word.includes('=')).map((word) => word.split('=', 2) as [string, string]),
    )
    const out = new Effects()
    if (verb === 'wait') this.#env.now += Number(words[0])
    else if (verb === 'crash') {
      this.#files.crash()
      this.#start(out)
    } else if (verb === 'append')
      append({ raft: this.raft, env: this.#env, out }, this.#record(this.raft.store.endOffset, this.raft.epoch))
    else if (['grant', 'deny', 'fail', 'fetched', 'refused'].includes(verb!)) this.#answer(verb!, options, out)
    else stepRaft(this.raft, this.#message(verb!, words[0]!, options), this.#env, out)
    checkRaft(this.raft)
    return this.#render(out)
  }

  #record(offset: number, epoch: number): Uint8Array {
    return encodeEntries([{ type: 'NoOpRecord', value: {} }], offset, epoch, this.#env.now)
  }

  #answer(verb: string, options: Map<string, string>, out: Effects): void {
    const from = Number(options.get('from') ?? this.raft.leaderId)
    const index = this.#asked.findLastIndex(
      ({ to, kind }) => to === from && (!/^(fetched|refused)$/.test(verb) || kind === 'quorumFetch'),
    )
    const { id } = this.#asked.splice(index, 1)[0]!
    const epoch = Number(options.get('epoch') ?? this.raft.epoch)
    const leaderId = Number(options.get('leader') ?? -1)
    let body: unknown = {
      errorCode: 0,
      topics: [{ partitions: [{ errorCode: 0, leaderId, leaderEpoch: epoch, voteGranted: verb === 'grant' }] }],
    }
    if (verb === 'fail') body = { kind: 'failed', reason: 'broker-down' }
    if (verb === 'fetched') body = this.#fetched(epoch, from, options)
    if (verb === 'refused') body = { error: KafkaError.NOT_LEADER_OR_FOLLOWER, leader: leaderId, epoch }
    onRaftReply(this.raft, { kind: 'reply', id, body } as never, this.#env, out)
  }

  #fetched(epoch: number, leader: number, options: Map<string, string>): object {
    const [recordEpoch, count] = (options.get('records') ?? '0×0').split('×').map(Number) as [number, number]
    const parts = Array.from({ length: count }, (_, i) => this.#record(this.raft.store.endOffset + i, recordEpoch))
    const records = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
    parts.reduce((at, part) => (records.set(part, at), at + part.length), 0)
    const [divergingEpoch, endOffset] = (options.get('diverge') ?? '').split('/').map(Number) as [number, number]
    return {
      error: KafkaError.NONE,
      leader,
      epoch,
      highWatermark: Number(options.get('hw') ?? 0),
      records,
      snapshot: null,
      divergingEpoch: options.has('diverge') ? { epoch: divergingEpoch, endOffset } : null,
    }
  }

  #message(verb: string, word: string, options: Map<string, string>): RaftMessage {
    const from = Number(options.get('from'))
    const epoch = Number(options.get('epoch') ?? this.raft.epoch)
    const replyTo = { broker: from, actor: 'controller', id: 1 }
    const [lastOffsetEpoch, lastOffset] = (options.get('last') ?? '0/0').split('/').map(Number) as [number, number]
    const wrap = (partition: object): object => ({
      clusterId: CLUSTER,
      topics: [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0, ...partition }] }],
    })
    const candidate = {
      replicaEpoch: epoch,
      replicaId: from,
      replicaDirectoryId: directoryIdOf(from),
      lastOffsetEpoch,
      lastOffset,
    }
    const messages: Record<string, () => object> = {
      timer: () => ({ kind: 'raftTimer', timer: word }),
      flush: () => ({ kind: 'raftFlush' }),
      vote: () => ({ kind: 'vote', replyTo, body: wrap({ ...candidate, preVote: false }) }),
      prevote: () => ({ kind: 'vote', replyTo, body: wrap({ ...candidate, preVote: true }) }),
      begin: () => ({ kind: 'beginQuorumEpoch', replyTo, body: wrap({ leaderId: from, leaderEpoch: epoch }) }),
      end: () => ({
        kind: 'endQuorumEpoch',
        replyTo,
        body: wrap({ leaderId: from, leaderEpoch: epoch, preferredCandidates: [{ candidateId: 1 }] }),
      }),
      fetch: () => ({
        kind: 'quorumFetch',
        replyTo,
        clusterId: CLUSTER,
        replica: from,
        directoryId: directoryIdOf(from),
        epoch,
        offset: Number(options.get('offset')),
        lastFetchedEpoch: Number(options.get('last') ?? 0),
        highWatermark: Number(options.get('hw') ?? 0),
      }),
    }
    return messages[verb]!() as RaftMessage
  }

  #render(out: Effects): string[] {
    const lines: string[] = []
    for (const effect of out.list) {
      if (effect.kind === 'reply') lines.push(`answer ${effect.token.broker} ${answerText(effect.body)}`)
      if (effect.kind === 'send') lines.push(this.#sent(effect.to.broker, effect.message))
    }
    const { phase, epoch, leaderId, highWatermark, store } = this.raft
    const now = `${phase} epoch=${epoch} leader=${leaderId} hw=${highWatermark} end=${store.endOffset}`
    if (now !== this.#phase) lines.push(now)
    this.#phase = now
    return lines
  }

  #sent(to: number, message: Message): string {
    if (message.replyTo) this.#asked.push({ id: message.replyTo.id, to, kind: message.kind })
    const body = (message as any).body?.topics[0].partitions[0]
    switch (message.kind) {
      case 'vote':
        return `ask ${to} ${body.preVote ? 'prevote' : 'vote'} epoch=${body.replicaEpoch} last=${body.lastOffsetEpoch}/${body.lastOffset}`
      case 'quorumFetch': {
        const { offset, lastFetchedEpoch, epoch } = message as unknown as {
          offset: number
          lastFetchedEpoch: number
          epoch: number
        }
        return `ask ${to} fetch offset=${offset} last=${lastFetchedEpoch} epoch=${epoch}`
      }
      case 'raftFlush':
        return 'flush soon'
      default:
        return `ask ${to} ${message.kind} epoch=${body.leaderEpoch}`
    }
  }
}

function answerText(body: any): string {
  const part = body.topics?.[0].partitions[0]
  if (part) {
    const vote = part.voteGranted === undefined ? '' : part.voteGranted ? 'granted ' : 'refused '
    return `${vote}${errorName(part.errorCode)} leader=${part.leaderId} epoch=${part.leaderEpoch}`
  }
  const extra = body.divergingEpoch ? ` diverge=${body.divergingEpoch.epoch}/${body.divergingEpoch.endOffset}` : ''
  const bytes = body.records ? 'yes' : 'none'
  return `${errorName(body.error)} leader=${body.leader} epoch=${body.epoch} hw=${body.highWatermark} bytes=${bytes}${extra}`
}
