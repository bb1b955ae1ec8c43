/** The network actor before scripted brokers: versions, order, time-outs, back-off, metadata that never goes back. */
import { beforeEach, describe, expect, test } from 'vitest'
import { KafkaError } from '@troupe/wire/errors'
import type { MetadataSnapshot } from '../src/messages.ts'
import { networkActor } from '../src/network.ts'
import type { NetworkState } from '../src/network/state.ts'
import { topicId } from './brokers.ts'
import { Stage, type Received } from './stage.ts'

let stage: Stage
const self = { broker: 100, actor: 'test' }
const properties = { 'bootstrap.servers': ['b1:9091'], 'client.id': 'stage', 'request.timeout.ms': 5000 }

beforeEach(() => {
  stage = new Stage()
  stage.brokers.add('orders', [1, 2])
  stage.host('network', networkActor, { properties })
})

function watch(...topics: string[]): void {
  stage.tell('network', { kind: 'watchMetadata', from: self, topics } as never)
  stage.run()
}

function snapshot(): MetadataSnapshot {
  return stage.state<NetworkState>('network').metadata.snapshot!
}

function ask(to: number | 'any' | 'controller', change: object = {}): number {
  const body = { topics: [] }
  return stage.ask('network', { kind: 'request', to, api: 3, body, timeoutMs: 5000, channel: 'c', ...change })
}

describe('a request', () => {
  test('goes to the broker it names, in a version that both know, after one ApiVersions', () => {
    stage.brokers.maxVersions.set('Metadata', 9)
    watch('orders')
    const id = ask(3)
    expect(stage.answer(id)).toMatchObject({ kind: 'response', version: 9, broker: 3, body: { controllerId: 1 } })
    ask(3)
    expect(stage.requests.filter((r) => r.broker === 3).map((r) => [r.name, r.version])).toEqual([
      ['ApiVersions', 4],
      ['Metadata', 9],
      ['Metadata', 9],
    ])
  })

  test('that no version fits was never sent', () => {
    watch('orders')
    expect(stage.answer(ask(2, { maxVersion: -1 }))).toEqual({
      kind: 'unanswered',
      reason: 'unsupported-version',
      broker: 2,
    })
    stage.brokers.maxVersions.set('Metadata', 3)
    expect(stage.answer(ask(3, { minVersion: 4 })).reason).toBe('unsupported-version')
    expect(stage.requests.filter((r) => r.broker !== 1).map((r) => r.name)).toEqual(['ApiVersions', 'ApiVersions'])
  })

  test('to a broker that only knows ApiVersions 0 is preceded by a second ApiVersions', () => {
    watch('orders')
    const refuse = (): object => ({ errorCode: 35, apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 3 }] })
    stage.held.add('ApiVersions')
    const id = ask(2)
    const first = stage.open('ApiVersions')
    stage.respond({ ...first, version: 0 }, refuse())
    first.answered = true
    const second = stage.open('ApiVersions')
    expect([first.version, second.version]).toEqual([4, 3])
    stage.respondAsBroker(second)
    expect(stage.answer(id)).toMatchObject({ kind: 'response', broker: 2 })
  })

  test('waits while another channel is held up, but not behind it', () => {
    watch('orders')
    stage.held.add('Metadata')
    ask(1, { channel: 'fetch' })
    const other = ask(1, { channel: 'heartbeat' })
    stage.respondAsBroker(stage.requests.at(-1)!)
    expect(stage.answer(other)).toMatchObject({ kind: 'response' })
  })

  test('without an answer in time costs the connection, and those behind it theirs', () => {
    watch('orders')
    stage.held.add('Metadata')
    const first = ask(2, { timeoutMs: 1000 })
    const second = ask(2, { timeoutMs: 3000 })
    stage.advance(999)
    expect([stage.answer(first), stage.answer(second)]).toEqual([undefined, undefined])
    stage.advance(1)
    expect([stage.answer(first).reason, stage.answer(second).reason]).toEqual(['timed-out', 'disconnected'])
  })

  test('to a broker that is down is answered at once, and the next waits for the back-off', () => {
    watch('orders')
    stage.brokers.down.add(3)
    const first = ask(3)
    expect(stage.answer(first)).toEqual({ kind: 'unanswered', reason: 'no-connection', broker: 3 })
    stage.brokers.down.clear()
    const second = ask(3)
    expect(stage.answer(second)).toBeUndefined()
    stage.advance(60)
    expect(stage.answer(second)).toMatchObject({ kind: 'response', broker: 3 })
  })

  test('with an answer that is none is malformed, and the connection is closed', () => {
    watch('orders')
    stage.held.add('Metadata')
    const id = ask(2)
    const { connection, correlationId } = stage.open('Metadata')
    stage.frame(connection, new Uint8Array([...int32(correlationId), 1, 2, 3]))
    stage.run()
    expect(stage.answer(id).reason).toBe('malformed')
    expect(stage.state<NetworkState>('network').links.get('c@2')!.phase).toBe('idle')
  })

  test('of a closed channel is answered', () => {
    watch('orders')
    stage.held.add('Metadata')
    const id = ask(2)
    stage.tell('network', { kind: 'closeChannel', channel: 'c' } as never)
    stage.run()
    expect(stage.answer(id).reason).toBe('disconnected')
    expect([...stage.state<NetworkState>('network').links.keys()]).toEqual(['network@-1'])
  })

  test('is held back for as long as the broker has asked for', () => {
    watch('orders')
    const throttled = (request: Received): object => ({ ...stage.brokers.answer(request), throttleTimeMs: 200 })
    stage.next.set('Metadata', [throttled])
    const first = ask(2)
    const second = ask(2)
    stage.advance(199)
    expect([stage.answer(first).kind, stage.answer(second)]).toEqual(['response', undefined])
    stage.advance(1)
    expect(stage.answer(second).kind).toBe('response')
  })

  test('more than may be in flight wait their turn', () => {
    stage = new Stage()
    const few = { ...properties, 'max.in.flight.requests.per.connection': 2 }
    stage.host('network', networkActor, { properties: few })
    watch()
    stage.held.add('Metadata')
    const ids = [ask(2), ask(2), ask(2)]
    const sent = (): number => stage.requests.filter((r) => r.broker === 2 && r.name === 'Metadata').length
    expect(sent()).toBe(2)
    stage.respondAsBroker(stage.open('Metadata'))
    expect([sent(), stage.answer(ids[0]!)?.kind, stage.answer(ids[1]!)]).toEqual([3, 'response', undefined])
  })
})

function int32(n: number): number[] {
  return [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255]
}

describe('metadata', () => {
  const leader = (partition = 0): [number, number] => {
    const { leader: id, leaderEpoch } = snapshot().topics.get('orders')!.partitions[partition]!
    return [id, leaderEpoch]
  }
  const refresh = (): void => {
    stage.tell('network', { kind: 'refreshMetadata' })
    stage.run()
    stage.advance(1000)
  }
  const move = (id: number, epoch: number): void => {
    stage.brokers.topics.get('orders')!.partitions[0] = { leader: id, epoch }
  }

  test('names watched topics only, brokers, features', () => {
    stage.brokers.add('other', [3])
    watch('orders')
    expect([...snapshot().topics.keys()]).toEqual(['orders'])
    expect(snapshot().brokers.map(({ id }) => id)).toEqual([1, 2, 3])
    expect(snapshot().features).toEqual({ epoch: 5, levels: new Map([['transaction.version', 2]]) })
    watch('other')
    expect([...snapshot().topics.keys()]).toEqual(['other'])
  })

  test('an older leader epoch does not come back', () => {
    watch('orders')
    move(3, 7)
    refresh()
    expect(leader()).toEqual([3, 7])
    move(2, 6)
    refresh()
    expect(leader()).toEqual([3, 7])
    move(2, 8)
    refresh()
    expect(leader()).toEqual([2, 8])
  })

  test('unless it is another topic of the same name', () => {
    watch('orders')
    move(3, 7)
    refresh()
    stage.brokers.add('orders', [1], topicId(99))
    refresh()
    expect(leader()).toEqual([1, 0])
    expect(snapshot().topics.get('orders')!.id).toBe(topicId(99))
  })

  test('a hint of a newer leader is taken over, an older one is not', () => {
    watch('orders')
    const hint = (id: number, leaderEpoch: number): void => {
      const leaders = [{ topic: 'orders', partition: 1, leader: id, leaderEpoch }]
      stage.tell('network', { kind: 'leaderHints', leaders, brokers: [] } as never)
      stage.run()
    }
    hint(3, 4)
    expect(leader(1)).toEqual([3, 4])
    hint(1, 4)
    hint(1, 3)
    hint(77, 9)
    expect(leader(1)).toEqual([3, 4])
  })

  test('is asked for again by age, and with pauses while a topic is missing', () => {
    watch('orders')
    const before = stage.count('Metadata')
    stage.advance(299_999)
    expect(stage.count('Metadata')).toBe(before)
    stage.advance(1)
    expect(stage.count('Metadata')).toBe(before + 1)
    watch('orders', 'missing')
    stage.advance(100)
    const asked = stage.count('Metadata')
    stage.advance(10_000)
    // 100 ms, then doubling up to one second.
    expect(stage.count('Metadata') - asked).toBeLessThan(15)
    expect(stage.count('Metadata') - asked).toBeGreaterThan(8)
    stage.brokers.add('missing', [2])
    stage.advance(1000)
    expect(snapshot().topics.get('missing')!.partitions).toHaveLength(1)
  })

  test('all topics, when somebody watches all; the snapshot says so, once they are known', () => {
    stage.brokers.add('other', [3])
    watch('orders')
    expect([snapshot().all, [...snapshot().topics.keys()]]).toEqual([undefined, ['orders']])
    stage.tell('network', { kind: 'watchMetadata', from: { ...self, actor: 'all' }, topics: null } as never)
    stage.run()
    expect([snapshot().all, [...snapshot().topics.keys()]]).toEqual([true, ['orders', 'other']])
    stage.tell('network', { kind: 'unwatchMetadata', from: { ...self, actor: 'all' } } as never)
    stage.tell('network', { kind: 'refreshMetadata' } as never)
    stage.run()
    stage.advance(1000)
    expect([snapshot().all, [...snapshot().topics.keys()]]).toEqual([undefined, ['orders']])
  })

  test('a missing topic beside all topics: named, so that it may be made, and not asked for without a pause', () => {
    stage.tell('network', { kind: 'watchMetadata', from: { ...self, actor: 'all' }, topics: null } as never)
    watch('soon')
    expect(snapshot().topics.get('soon')).toMatchObject({ error: KafkaError.UNKNOWN_TOPIC_OR_PARTITION })
    stage.advance(1000)
    const asked = stage.requests
      .filter(({ name }) => name === 'Metadata')
      .map(({ body }) => body.topics?.length ?? 'all')
    expect(asked.slice(0, 4)).toEqual(['all', 2, 'all', 2])
    expect(asked.length).toBeLessThan(10)
    stage.brokers.add('soon', [1])
    stage.advance(2000)
    expect([snapshot().all, snapshot().topics.get('soon')!.error]).toEqual([true, 0])
  })

  test('survives the loss of every broker it knew: the bootstrap address is asked again', () => {
    watch('orders')
    stage.advance(1000)
    for (const broker of [1, 2, 3]) stage.crash(broker)
    stage.advance(5000)
    stage.brokers.down.clear()
    move(2, 3)
    stage.advance(5000)
    expect(leader()).toEqual([2, 3])
  })
})
