/**
 * What must hold of the metadata quorum after every event, seen from outside: the K rules of the protocol's bug catalogue.
 *
 *   K1  one leader per epoch, across restarts          K5  one vote per epoch and voter
 *   K2  equal offset and epoch mean an equal batch     K6  equal offsets mean equal images
 *   K3  a committed batch is in every later leader's log; a high watermark never falls while its member lives
 *   K7  broker epochs are unique and grow; a new one only after fencing; partition and leader epochs never fall
 */
import { baseOffset, crc, forEachBatch, lastOffset, partitionLeaderEpoch } from '@troupe/wire/record-batch'
import type { VoteRequest, VoteResponse } from '@troupe/wire/messages'
import type { Message } from '@troupe/actor'
import { imageRecords } from '../src/image/snapshot.ts'
import type { MetadataImage } from '../src/image/image.ts'
import type { Raft } from '../src/raft/state.ts'
import type { Simulation } from './simulation.ts'

interface Member {
  readonly raft: Raft
  highWatermark: number
  phase: string
  imageOffset: number
}

export class Violation extends Error {
  override readonly name = 'Violation'
}

export class Checker {
  readonly #simulation: Simulation
  readonly #leaders = new Map<number, number>()
  readonly #votes = new Map<string, number>()
  /** Base offset → epoch and crc of the committed batch. */
  readonly #committed = new Map<number, { epoch: number; crc: number; next: number }>()
  readonly #batches = new Map<string, number>()
  readonly #members = new Map<number, Member>()
  readonly #images = new Map<number, string>()
  readonly #partitions = new Map<string, { leaderEpoch: number; partitionEpoch: number; offset: number }>()
  readonly #registrations = new Map<number, { broker: number; incarnationId: string }>()
  committedEnd = 0

  constructor(simulation: Simulation) {
    this.#simulation = simulation
    simulation.check = () => this.check()
    simulation.onReply = (question, from, body) => this.#onVote(question, from, body as VoteResponse)
  }

  check(): void {
    for (const node of this.#simulation.nodes.values()) {
      if (!node.controller) {
        this.#members.delete(node.id)
        continue
      }
      const { raft } = node.controller
      let member = this.#members.get(node.id)
      if (!member || member.raft !== raft) {
        this.#members.set(node.id, (member = { raft, highWatermark: 0, phase: '', imageOffset: -1 }))
      }
      this.#checkLeader(node.id, member)
      this.#checkCommitted(member)
      if (node.image) this.#checkImage(member, node.image)
    }
  }

  #checkLeader(id: number, member: Member): void {
    const { raft } = member
    if (raft.phase === 'leader') {
      const known = this.#leaders.get(raft.epoch)
      if (known !== undefined && known !== id) throw new Violation(`K1: ${known} and ${id} lead epoch ${raft.epoch}`)
      this.#leaders.set(raft.epoch, id)
      if (member.phase !== 'leader') this.#checkCompleteness(id, raft)
    }
    member.phase = raft.phase
  }

  #checkCompleteness(id: number, raft: Raft): void {
    const own = new Map<number, { epoch: number; crc: number }>()
    this.#eachBatch(raft, raft.store.startOffset, raft.store.endOffset, (base, _next, epoch, sum) =>
      own.set(base, { epoch, crc: sum }),
    )
    for (const [base, batch] of this.#committed) {
      if (base < raft.store.startOffset) continue
      const found = own.get(base)
      if (found?.crc !== batch.crc || found.epoch !== batch.epoch)
        throw new Violation(`K3: leader ${id} of epoch ${raft.epoch} lacks committed ${base}`)
    }
  }

  #eachBatch(
    raft: Raft,
    from: number,
    to: number,
    visit: (base: number, next: number, epoch: number, sum: number) => void,
  ): void {
    let offset = from
    while (offset < to) {
      const bytes = raft.store.read(offset, 1024 * 1024)
      if (bytes.length === 0) return
      forEachBatch(bytes, (position) => {
        const base = baseOffset(bytes, position)
        const next = lastOffset(bytes, position) + 1
        if (next <= to) visit(base, next, partitionLeaderEpoch(bytes, position), crc(bytes, position))
        offset = next
      })
    }
  }

  #checkCommitted(member: Member): void {
    const { raft } = member
    if (raft.highWatermark < member.highWatermark)
      throw new Violation(`K3: high watermark fell to ${raft.highWatermark}`)
    if (raft.highWatermark === member.highWatermark) return
    const from = Math.max(member.highWatermark, raft.store.startOffset)
    this.#eachBatch(raft, from, raft.highWatermark, (base, next, epoch, sum) => {
      const known = this.#committed.get(base)
      if (known && (known.crc !== sum || known.epoch !== epoch))
        throw new Violation(`K2/K3: two batches committed at ${base}`)
      this.#committed.set(base, { epoch, crc: sum, next })
      const key = `${base}/${epoch}`
      const same = this.#batches.get(key)
      if (same !== undefined && same !== sum) throw new Violation(`K2: two batches at ${key}`)
      this.#batches.set(key, sum)
    })
    member.highWatermark = raft.highWatermark
    this.committedEnd = Math.max(this.committedEnd, raft.highWatermark)
  }

  #onVote(question: Message, voter: number, body: VoteResponse): void {
    if (question.kind !== 'vote') return
    const asked = (question as unknown as { body: VoteRequest }).body.topics[0]!.partitions[0]!
    if (asked.preVote || !body.topics?.[0]?.partitions[0]?.voteGranted) return
    const key = `${asked.replicaEpoch}/${voter}`
    const given = this.#votes.get(key)
    if (given !== undefined && given !== asked.replicaId)
      throw new Violation(`K5: ${voter} voted for ${given} and ${asked.replicaId} in ${asked.replicaEpoch}`)
    this.#votes.set(key, asked.replicaId)
  }

  #checkImage(member: Member, image: MetadataImage): void {
    if (image.offset === member.imageOffset) return
    member.imageOffset = image.offset
    const text = digest(image)
    const known = this.#images.get(image.offset)
    if (known !== undefined && known !== text)
      throw new Violation(`K6: images differ at ${image.offset}:\n${known}\n${text}`)
    this.#images.set(image.offset, text)
    for (const broker of image.brokers.values()) {
      const registered = this.#registrations.get(broker.epoch)
      if (registered && (registered.broker !== broker.id || registered.incarnationId !== broker.incarnationId)) {
        throw new Violation(`K7: broker epoch ${broker.epoch} given twice`)
      }
      this.#registrations.set(broker.epoch, { broker: broker.id, incarnationId: broker.incarnationId })
    }
    for (const topic of image.topics()) {
      for (const { partition, leaderEpoch, partitionEpoch, isr, leader, replicas } of topic.partitions) {
        const key = `${topic.id}/${partition}`
        const before = this.#partitions.get(key)
        if (
          before &&
          before.offset < image.offset &&
          (before.leaderEpoch > leaderEpoch || before.partitionEpoch > partitionEpoch)
        ) {
          throw new Violation(`K7: an epoch of ${key} fell`)
        }
        if (!before || before.offset < image.offset)
          this.#partitions.set(key, { leaderEpoch, partitionEpoch, offset: image.offset })
        if (leader >= 0 && !isr.includes(leader)) throw new Violation(`leader ${leader} of ${key} is not in its ISR`)
        if (isr.some((id) => !replicas.includes(id))) throw new Violation(`the ISR of ${key} has strangers`)
        const bad = isr.find((id) => image.brokers.get(id)?.fenced)
        if (bad !== undefined && leader >= 0) throw new Violation(`R6: fenced broker ${bad} is in the ISR of ${key}`)
      }
    }
  }
}

/** Independent of how the image came about: snapshot order is not part of it. */
export function digest(image: MetadataImage): string {
  const lines = imageRecords(image).map(({ type, value }) => `${type} ${JSON.stringify(value, sorted)}`)
  return lines.sort().join('\n')
}

function sorted(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}
