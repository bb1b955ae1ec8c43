/**
 * From the log to the image and to the local `broker` actor: committed batches are applied here (unless this controller has
 * applied them already, as it wrote them) and published in order; snapshots are loaded and written.
 */
import { actorNames } from '@troupe/actor'
import type { ControllerIo } from './actor-state.ts'
import { forgetConfigs } from './controller/decision.ts'
import { encodeSnapshot, snapshotId } from './image/snapshot.ts'
import type { MetadataDelta } from './image/delta.ts'
import type { MetadataCommitted } from './messages.ts'
import { decodeBatches, type MetadataBatch, type MetadataEntry } from './records.ts'

const READ_BYTES = 1024 * 1024

function toBroker({ env, out }: ControllerIo, message: MetadataCommitted): void {
  out.send({ broker: env.self.broker, actor: actorNames.broker }, message)
}

/** Everything again, snapshot first: at the start, and when the log was replaced by a snapshot. */
export function republish(io: ControllerIo): void {
  const { actor } = io
  const snapshot = loadSnapshot(io)
  toBroker(io, { kind: 'metadataCommitted', snapshot: true, ...snapshot })
  actor.published = snapshot.offset + 1
}

type Loaded = Omit<MetadataCommitted, 'kind' | 'snapshot'>

function loadSnapshot({ actor }: ControllerIo): Loaded {
  const { store } = actor.raft
  const id = store.latestSnapshot()
  if (!id) return { records: [], offset: -1, epoch: -1, timestamp: -1 }
  const batches = decodeBatches(store.readSnapshot(id, 0, store.snapshotSize(id)))
  const records = batches.flatMap(({ entries }) => entries)
  return { records, offset: id.offset - 1, epoch: id.epoch, timestamp: batches[0]?.timestamp ?? -1 }
}

/** The image as it is committed: speculative changes are dropped. */
export function rebuild(io: ControllerIo): void {
  const { actor } = io
  const { image, configs } = actor.controller
  const { records, offset, epoch, timestamp } = loadSnapshot(io)
  image.clear()
  forgetConfigs(configs)
  if (offset >= 0) image.apply(records, offset, epoch, timestamp)
  actor.applied = offset + 1
  forEachCommitted(io, actor.applied, Math.min(actor.published, actor.raft.highWatermark), (batch) =>
    applyBatch(io, batch),
  )
}

function applyBatch({ actor }: ControllerIo, batch: MetadataBatch): void {
  if (batch.baseOffset < actor.applied) return
  noteDelta(actor.controller.image.apply(batch.entries, batch.lastOffset, batch.epoch, batch.timestamp), { actor })
  actor.applied = batch.lastOffset + 1
}

/** Cached conclusions go when what they were drawn from changes. */
export function noteDelta(delta: MetadataDelta, { actor }: Pick<ControllerIo, 'actor'>): void {
  if (delta.configs.size > 0 || delta.deletedTopics.length > 0) forgetConfigs(actor.controller.configs)
}

function forEachCommitted(
  { actor }: ControllerIo,
  from: number,
  to: number,
  visit: (batch: MetadataBatch) => void,
): void {
  let offset = from
  while (offset < to) {
    const batches = decodeBatches(actor.raft.store.read(offset, READ_BYTES))
    if (batches.length === 0) return
    for (const batch of batches) {
      if (batch.lastOffset >= to) return
      visit(batch)
      offset = batch.lastOffset + 1
    }
  }
}

/** Applies and publishes up to the high watermark; one message for all of it. */
export function catchUp(io: ControllerIo): void {
  const { actor } = io
  if (actor.raft.installs !== actor.installs) {
    actor.installs = actor.raft.installs
    republish(io)
    rebuild(io)
  }
  if (actor.published >= actor.raft.highWatermark) return
  const records: MetadataEntry[] = []
  let last: MetadataBatch | null = null
  forEachCommitted(io, actor.published, actor.raft.highWatermark, (batch) => {
    applyBatch(io, batch)
    for (const entry of batch.entries) records.push(entry)
    actor.bytesSinceSnapshot += batch.sizeInBytes
    actor.published = batch.lastOffset + 1
    last = batch
  })
  const end = last as MetadataBatch | null
  if (!end) return
  const { lastOffset: offset, epoch, timestamp } = end
  toBroker(io, { kind: 'metadataCommitted', records, offset, epoch, snapshot: false, timestamp })
  snapshotIfDue(io)
}

/** Only of committed state: an active controller waits until nothing it wrote is undecided. */
function snapshotIfDue({ actor, env, out }: ControllerIo): void {
  const { raft, controller, applied, published } = actor
  const maxBytes = env.config['metadata.log.max.record.bytes.between.snapshots']
  const maxMs = env.config['metadata.log.max.snapshot.interval.ms']
  const due = actor.bytesSinceSnapshot >= maxBytes || (maxMs > 0 && env.now - actor.lastSnapshotMs >= maxMs)
  if (!due || applied !== published) return
  const id = snapshotId(controller.image)
  if (id.offset <= (raft.store.latestSnapshot()?.offset ?? 0)) return
  raft.store.writeSnapshot(id, encodeSnapshot(controller.image))
  raft.store.trim(env.config['metadata.max.retention.bytes'])
  actor.bytesSinceSnapshot = 0
  actor.lastSnapshotMs = env.now
  out.trace('metadata-snapshot', { offset: id.offset, epoch: id.epoch })
}
