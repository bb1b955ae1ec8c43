/**
 * Swarm: which faults, limits, workloads and probabilities a seed's run has. Each seed gets a random subset of fault
 * classes with rates of its own, so that no class hides what another one alone would show.
 *
 * Broker-side limits are drawn small (rolls by the second, sessions of seconds), so that what is rare in production
 * is common here.
 */
import { Random } from '../kernel/random.ts'
import { faultKinds, type Fault, type FaultKind } from './faults.ts'
import type { ClientOptions, ClusterOptions, DrawnRole } from './options.ts'
import { firstClient } from './processes.ts'

export interface DrawOptions {
  /** Fault kinds to draw from; default: all. `[]`: none. */
  readonly faults?: readonly FaultKind[]
  readonly brokers?: number
  readonly safetyMs?: number
  readonly safeguards?: ClusterOptions['safeguards']
  /** Clients and topics that are not drawn from the simulator's own. */
  readonly clients?: readonly ClientOptions[]
  readonly topics?: ClusterOptions['topics']
}

const roles: readonly DrawnRole[] = ['producer', 'transactional', 'copier', 'group', 'reader']

export function drawOptions(seed: number, given: DrawOptions = {}): ClusterOptions {
  const random = new Random(seed, 'options')
  const brokers = given.brokers ?? new Random(seed, 'brokers').pick([3, 3, 3, 3, 4, 5])
  const voters = Array.from({ length: brokers >= 5 ? 5 : brokers >= 3 ? 3 : 1 }, (_, index) => index + 1)
  const safetyMs = given.safetyMs ?? random.between(20, 90) * 1000
  const clients = given.clients ?? drawClients(random)
  const network = {
    minDelayMs: random.below(3),
    maxDelayMs: 3 + random.below(random.chance(0.3) ? 60 : 8),
    slowPerMille: random.chance(0.3) ? random.below(20) : 0,
    slowMs: random.between(100, 4000),
    detectMs: random.between(1, 1000),
  }
  const faults = drawFaults(new Random(seed, 'faults'), given.faults ?? faultKinds, brokers, clients.length, safetyMs)
  return {
    seed,
    brokers,
    voters,
    policy: random.pick(['fifo', 'random', 'random', 'priority']),
    topics: given.topics ?? drawTopics(random, brokers),
    properties: drawProperties(random, brokers),
    network,
    disk: { syncMs: random.below(30) },
    clients,
    faults,
    safetyMs,
    livenessMs: 120_000,
    safeguards: given.safeguards ?? {},
  }
}

function drawTopics(random: Random, brokers: number): ClusterOptions['topics'] {
  const configs: Record<string, string> = { 'min.insync.replicas': String(Math.min(2, brokers)) }
  if (random.chance(0.5)) configs['segment.ms'] = String(random.between(300, 5000))
  const partitions = random.between(1, 3)
  return [
    { name: 'data', partitions, configs },
    { name: 'copy', partitions, configs },
  ]
}

function drawProperties(random: Random, brokers: number): Record<string, string> {
  const replicas = String(Math.min(3, brokers))
  const minIsr = String(Math.min(2, brokers))
  const sessionMs = random.between(20, 90) * 100
  return {
    'default.replication.factor': replicas,
    'min.insync.replicas': minIsr,
    'offsets.topic.replication.factor': replicas,
    'offsets.topic.num.partitions': String(random.between(1, 2)),
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': minIsr,
    'transaction.state.log.num.partitions': String(random.between(1, 2)),
    'broker.session.timeout.ms': String(sessionMs),
    'broker.heartbeat.interval.ms': String(Math.floor(sessionMs / random.between(3, 5))),
    'replica.lag.time.max.ms': String(random.between(15, 100) * 100),
    'replica.fetch.wait.max.ms': String(random.between(50, 500)),
    'group.initial.rebalance.delay.ms': String(random.pick([0, 0, 300, 3000])),
    'log.cleaner.backoff.ms': String(random.between(500, 15_000)),
    'log.retention.check.interval.ms': String(random.between(1000, 60_000)),
    'transaction.abort.timed.out.transaction.cleanup.interval.ms': String(random.between(300, 5000)),
    'producer.id.expiration.check.interval.ms': String(random.between(5000, 60_000)),
    'auto.leader.rebalance.enable': String(random.chance(0.5)),
    'leader.imbalance.check.interval.seconds': String(random.between(5, 60)),
  }
}

function drawClients(random: Random): ClientOptions[] {
  const count = random.between(3, 6)
  const clients: ClientOptions[] = []
  for (let index = 0; index < count; index++) {
    // Something must be written, and somebody must read it back.
    const role =
      index === 0 ? random.pick(['producer', 'transactional'] as const) : index === 1 ? 'reader' : random.pick(roles)
    const requestMs = random.between(8, 50) * 100
    clients.push({
      role,
      everyMs: random.between(20, 1500),
      properties: {
        'request.timeout.ms': requestMs,
        'delivery.timeout.ms': requestMs * random.between(2, 6),
        'transaction.timeout.ms': random.between(20, 150) * 100,
        'linger.ms': random.pick([0, 0, 5, 20]),
        'batch.size': random.pick([16_384, 200, 1]),
        'max.in.flight.requests.per.connection': random.between(1, 5),
        'retry.backoff.ms': random.between(10, 200),
        'max.block.ms': requestMs * 4,
        'default.api.timeout.ms': requestMs * 4,
        'fetch.max.wait.ms': random.between(50, 500),
        'session.timeout.ms': random.between(60, 120) * 100,
        'heartbeat.interval.ms': random.between(5, 20) * 100,
        'max.poll.records': random.pick([1, 5, 500]),
        'partition.assignment.strategy': [random.pick(['range', 'cooperative-sticky', 'roundrobin', 'sticky'])],
      },
    })
  }
  return clients
}

function drawFaults(
  random: Random,
  allowed: readonly FaultKind[],
  brokers: number,
  clients: number,
  safetyMs: number,
): Fault[] {
  const kinds = allowed.filter(() => random.chance(0.4))
  if (kinds.length === 0 && allowed.length > 0) kinds.push(random.pick(allowed))
  const faults: Fault[] = []
  for (const kind of kinds) {
    const meanMs = random.between(2, 20) * 1000
    const longestMs = random.between(1, 12) * 1000
    for (let at = random.below(meanMs * 2); at < safetyMs; at += 1 + random.below(meanMs * 2)) {
      faults.push(drawFault(random, kind, at, 1 + random.below(longestMs), brokers, clients))
    }
  }
  return faults.sort((a, b) => a.at - b.at)
}

function drawFault(
  random: Random,
  kind: FaultKind,
  at: number,
  forMs: number,
  brokers: number,
  clients: number,
): Fault {
  const broker = 1 + random.below(brokers)
  const client = firstClient + random.below(clients)
  const told = random.chance(0.7)
  const when = { at, forMs }
  switch (kind) {
    case 'kill':
    case 'power-loss':
    case 'disk-replaced':
      return { ...when, kind, broker, told }
    case 'stop':
    case 'pause':
    case 'disk-full':
      return { ...when, kind, broker }
    case 'pause-client':
    case 'kill-client':
      return { ...when, kind, client }
    case 'cut':
      return { ...when, kind, ...drawCut(random, brokers, clients), oneWay: random.chance(0.3) }
    case 'slow-link':
      return {
        ...when,
        kind,
        from: broker,
        to: drawPeer(random, broker, brokers, clients),
        byMs: random.between(50, 4000),
      }
    case 'drop-connections':
      return { ...when, forMs: 0, kind, client, broker }
    case 'disk-error':
      return { ...when, kind, broker, operation: random.pick(['append', 'sync', 'read'] as const) }
    case 'disk-slow':
      return { ...when, kind, broker, byMs: random.between(50, 2000) }
    case 'skew':
      return { ...when, kind, broker, byMs: random.between(-2000, 2000) }
    case 'elect':
      return { ...when, forMs: 0, kind }
    case 'reassign':
      return {
        ...when,
        forMs: 0,
        kind,
        partition: random.below(100),
        brokers: random.shuffle(Array.from({ length: brokers }, (_, index) => index + 1)),
      }
    case 'settings':
      return { ...when, kind, broker, properties: { 'replica.lag.time.max.ms': String(random.between(1000, 30_000)) } }
  }
}

function drawPeer(random: Random, broker: number, brokers: number, clients: number): number {
  if (random.chance(0.3)) return firstClient + random.below(clients)
  const other = 1 + random.below(Math.max(1, brokers - 1))
  return other >= broker ? other + 1 : other
}

/** Two sides, one isolated, or a bridge: one broker that still hears everybody while the others do not hear each other. */
function drawCut(random: Random, brokers: number, clients: number): { from: number[]; to: number[] } {
  const all = Array.from({ length: brokers }, (_, index) => index + 1)
  const someClients = Array.from({ length: clients }, (_, index) => firstClient + index).filter(() =>
    random.chance(0.5),
  )
  random.shuffle(all)
  if (brokers === 1) return { from: someClients, to: all }
  const shape = random.below(3)
  if (shape === 0) return { from: [all[0]!], to: [...all.slice(1), ...someClients] }
  if (shape === 1 && brokers >= 3) return { from: [all[0]!], to: [all[1]!] }
  const at = 1 + random.below(brokers - 1)
  return { from: [...all.slice(0, at), ...someClients], to: all.slice(at) }
}
