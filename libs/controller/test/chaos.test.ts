/** The quorum under crashes, cuts and lost messages from a seed, invariants checked after every step. */
import { expect, test } from 'vitest'
import { decodeBatches } from '../src/records.ts'
import { MetadataImage } from '../src/image/image.ts'
import { Checker, digest, Violation } from './invariants.ts'
import { Simulation, type SimulationOptions } from './simulation.ts'
import { createTopics, topic } from './requests.ts'

interface Run {
  readonly simulation: Simulation
  readonly checker: Checker
  readonly created: Set<string>
}

/** Crashes, parts and loses at random, while a client creates topics; then heals everything. */
function chaos(seed: number, rounds: number, options: Partial<SimulationOptions> = {}): Run {
  const brokers = options.brokers ?? 3 + (seed % 3)
  const simulation = new Simulation({
    brokers,
    voters: brokers === 4 ? [1, 2, 3] : undefined,
    seed,
    config: {
      'metadata.log.max.record.bytes.between.snapshots': '2500',
      'metadata.max.retention.bytes': '1000',
      'broker.session.timeout.ms': '1500',
    },
    segmentBytes: 1500,
    ...options,
  })
  const checker = new Checker(simulation)
  const created = new Set<string>()
  simulation.faults.maxDelayMs = 3
  simulation.faults.dropPerMille = 20
  for (const id of simulation.nodes.keys()) simulation.start(id)
  const ids = [...simulation.nodes.keys()]
  const pick = (): number => ids[simulation.random() % ids.length]!
  for (let round = 0; round < rounds; round++) {
    const id = pick()
    const name = `topic-${round}`
    if (simulation.isUp(id)) {
      simulation.request(id, 'CreateTopics', createTopics(topic(name, 2, 2)), (body) => {
        if (body.topics?.[0] && (body.topics[0].errorCode ?? 0) === 0) created.add(name)
      })
    }
    fault(simulation, pick(), pick())
    simulation.runFor(20 + (simulation.random() % 250))
  }
  heal(simulation)
  return { simulation, checker, created }
}

function fault(simulation: Simulation, one: number, other: number): void {
  switch (simulation.random() % 8) {
    case 0:
      if (simulation.isUp(one)) simulation.crash(one, { tellOthers: simulation.random() % 2 === 0 })
      break
    case 1:
    case 2:
      if (!simulation.isUp(one)) simulation.start(one)
      break
    case 3:
      simulation.cut.add(`${one}-${other}`)
      break
    case 4:
      simulation.cut.clear()
      break
    case 5:
      if (simulation.isUp(one)) {
        simulation.crash(one)
        simulation.start(one)
      }
      break
    case 6:
      simulation.faults.maxDelayMs = 1 + (simulation.random() % 60)
      break
    default:
      simulation.faults.maxDelayMs = 2
  }
}

function heal(simulation: Simulation): void {
  simulation.cut.clear()
  Object.assign(simulation.faults, { dropPerMille: 0, maxDelayMs: 2 })
  for (const id of simulation.nodes.keys()) if (!simulation.isUp(id)) simulation.start(id)
  const settled = (): boolean => simulation.allRunning() && simulation.active().length === 1 && allCommitted(simulation)
  // What was lost before is asked for again after a request timeout.
  simulation.runFor(1000)
  simulation.runUntil(settled, 20_000, 'settled cluster')
}

/** Nothing is under way: every member has the whole log, knows that it is committed, and has published it. */
function allCommitted(simulation: Simulation): boolean {
  const ends = [...simulation.nodes.values()].flatMap(({ controller, image }) => [
    controller!.raft.store.endOffset,
    controller!.raft.highWatermark,
    controller!.applied,
    image!.offset + 1,
  ])
  return new Set(ends).size === 1
}

test.each([...Array(24).keys()])('seed %i: nothing committed is lost, and the cluster comes back', (seed) => {
  const { simulation, created } = chaos(seed + 1, 40)
  const [first] = simulation.nodes.values()
  for (const name of created) expect(first!.image!.topic(name), name).toBeDefined()
  for (const node of simulation.nodes.values()) {
    const actor = node.controller!
    const { store, highWatermark } = actor.raft
    // Live state, the broker's copy, and snapshot plus tail are the same.
    const again = new MetadataImage(store.clusterId)
    const snapshot = store.latestSnapshot()
    if (snapshot) {
      const batches = decodeBatches(store.readSnapshot(snapshot, 0, store.snapshotSize(snapshot)))
      again.apply(
        batches.flatMap(({ entries }) => entries),
        snapshot.offset - 1,
        snapshot.epoch,
        0,
      )
    }
    for (let offset = snapshot?.offset ?? 0; offset < highWatermark;) {
      for (const batch of decodeBatches(store.read(offset, 4096))) {
        if (batch.lastOffset < highWatermark) again.apply(batch.entries, batch.lastOffset, batch.epoch, batch.timestamp)
        offset = batch.lastOffset + 1
      }
    }
    expect(digest(again)).toBe(digest(node.image!))
    expect(digest(actor.controller.image)).toBe(digest(node.image!))
  }
})

test('a full replay of the log equals snapshot and tail', () => {
  const kept = chaos(7, 30, { config: { 'metadata.log.max.record.bytes.between.snapshots': '2500' } })
  const { store } = kept.simulation.nodes.get(1)!.controller!.raft
  const snapshot = store.latestSnapshot()!
  expect(snapshot.offset).toBeGreaterThan(0)
  expect(store.startOffset).toBe(0)
  const whole = new MetadataImage(store.clusterId)
  for (let offset = 0; offset < snapshot.offset;) {
    for (const batch of decodeBatches(store.read(offset, 4096))) {
      if (batch.lastOffset < snapshot.offset) whole.apply(batch.entries, batch.lastOffset, batch.epoch, batch.timestamp)
      offset = batch.lastOffset + 1
    }
  }
  const short = new MetadataImage(store.clusterId)
  const batches = decodeBatches(store.readSnapshot(snapshot, 0, store.snapshotSize(snapshot)))
  short.apply(
    batches.flatMap(({ entries }) => entries),
    snapshot.offset - 1,
    snapshot.epoch,
    0,
  )
  expect(digest(short)).toBe(digest(whole))
})

/** The rules are only worth something if they notice. */
test('disks that lie about fsync lose committed records, and the rules say so', () => {
  let found: unknown
  for (let seed = 1; seed <= 20 && !(found instanceof Violation); seed++) {
    try {
      chaos(seed, 40, { lyingDisks: true })
    } catch (error) {
      found = error
    }
  }
  expect(found).toBeInstanceOf(Violation)
})

test('the runs are worth something: topics were created, leaders changed, snapshots were installed', () => {
  let topics = 0
  let epochs = 0
  let installed = 0
  for (let seed = 1; seed <= 6; seed++) {
    const { simulation, created } = chaos(seed, 40)
    topics += created.size
    epochs += simulation.nodes.get(1)!.controller!.raft.epoch
    installed += simulation.traces.filter((line) => line.includes('raft-snapshot')).length
  }
  expect(topics).toBeGreaterThan(30)
  expect(epochs).toBeGreaterThan(20)
  expect(installed).toBeGreaterThan(0)
})
