/** Controllers and brokers together in virtual time: elections, fencing, shutdown, restarts. */
import { expect, test } from 'vitest'
import { KafkaError } from '@troupe/wire/errors'
import { createTopics, topic } from './requests.ts'
import { Simulation } from './simulation.ts'

function started(options: {
  seed: number
  brokers?: number
  voters?: number[]
  config?: Record<string, string>
}): Simulation {
  const simulation = new Simulation({ brokers: 3, ...options })
  for (const id of simulation.nodes.keys()) simulation.start(id)
  return simulation
}

test('three brokers elect a controller and are unfenced within 100 ms', () => {
  for (let seed = 1; seed <= 30; seed++) {
    const simulation = started({ seed })
    const begin = simulation.now
    simulation.runUntil(() => simulation.allRunning(), 2000, 'running cluster')
    expect(simulation.now - begin, `seed ${seed}`).toBeLessThan(100)
    expect(simulation.active()).toHaveLength(1)
  }
})

test('a single broker elects itself', () => {
  const simulation = started({ seed: 1, brokers: 1 })
  const begin = simulation.now
  simulation.runUntil(() => simulation.allRunning(), 1000, 'running broker')
  expect(simulation.now - begin).toBeLessThan(60)
})

test('observers follow the quorum and are unfenced', () => {
  const simulation = started({ seed: 5, brokers: 5, voters: [1, 2, 3] })
  simulation.runUntil(() => simulation.allRunning(), 2000, 'running cluster')
  expect(simulation.nodes.get(5)!.controller!.raft.phase).toBe('observer')
})

test('a created topic is committed, known to every broker, and its replicas are started there', () => {
  const simulation = started({ seed: 2 })
  simulation.runUntil(() => simulation.allRunning(), 2000)
  let answer: any
  simulation.request(
    2,
    'CreateTopics',
    createTopics(topic('orders', 2, 3), topic('__consumer_offsets', 1, 3)),
    (body) => (answer = body),
  )
  simulation.runUntil(() => answer !== undefined, 1000, 'answer')
  expect(answer.topics.map((one: any) => one.errorCode ?? 0)).toEqual([0, 0])
  simulation.runFor(50)
  const id = answer.topics[0].topicId
  const offsetsId = answer.topics[1].topicId
  for (const node of simulation.nodes.values()) {
    expect(node.image!.topic('orders')!.partitions).toHaveLength(2)
    expect(node.noted).toContain(`spawn replica:${id}:0`)
    expect(node.noted).toContain(`partition replica:${id}:1`)
    expect(node.noted).toContain('spawn groups:0')
    const leads = node.image!.topicById(offsetsId)!.partitions[0]!.leader === node.id
    expect(node.noted.includes('elected groups:0')).toBe(leads)
  }
})

test('when the controller crashes, another one is active and has moved the leaders within 300 ms', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const simulation = started({ seed })
    simulation.runUntil(() => simulation.allRunning(), 2000)
    let answer: any
    simulation.request(1, 'CreateTopics', createTopics(topic('orders', 6, 3)), (body) => (answer = body))
    simulation.runUntil(() => answer !== undefined, 1000)
    simulation.runFor(1000)
    const [victim] = simulation.active()
    simulation.crash(victim!)
    const begin = simulation.now
    const survivors = [...simulation.nodes.values()].filter(({ id }) => id !== victim)
    const moved = (): boolean =>
      survivors.every(({ image }) => {
        const { partitions } = image!.topic('orders')!
        return (
          image!.brokers.get(victim!)!.fenced &&
          partitions.every(({ leader, isr }) => leader !== victim && leader > 0 && !isr.includes(victim!))
        )
      })
    simulation.runUntil(moved, 2000, 'new leaders')
    expect(simulation.now - begin, `seed ${seed}`).toBeLessThan(300)
    simulation.start(victim!)
    const restart = simulation.now
    simulation.runUntil(() => simulation.allRunning(), 2000, 'running cluster')
    expect(simulation.now - restart, `seed ${seed}`).toBeLessThan(300)
  }
})

test('controlled shutdown moves every leader, then grants the stop; the broker comes back', () => {
  const simulation = started({ seed: 3 })
  simulation.runUntil(() => simulation.allRunning(), 2000)
  let answer: any
  simulation.request(1, 'CreateTopics', createTopics(topic('orders', 6, 3)), (body) => (answer = body))
  simulation.runUntil(() => answer !== undefined, 1000)
  simulation.runFor(100)
  for (const id of [1, 2, 3]) {
    const begin = simulation.now
    simulation.shutDown(id)
    simulation.runUntil(() => !simulation.isUp(id), 3000, 'stop')
    expect(simulation.now - begin).toBeLessThan(1000)
    const others = [1, 2, 3].filter((other) => other !== id)
    simulation.runUntil(
      () =>
        others.every((other) =>
          simulation.nodes
            .get(other)!
            .image!.topic('orders')!
            .partitions.every(({ leader }) => leader !== id),
        ),
      1000,
      'leaders elsewhere',
    )
    simulation.start(id)
    simulation.runUntil(() => simulation.allRunning(), 3000, 'running cluster')
  }
})

test('a whole cluster that lost power comes back with its topics, without waiting for sessions to expire', () => {
  const simulation = started({ seed: 4 })
  simulation.runUntil(() => simulation.allRunning(), 2000)
  let answer: any
  simulation.request(1, 'CreateTopics', createTopics(topic('orders', 3, 3)), (body) => (answer = body))
  simulation.runUntil(() => answer !== undefined, 1000)
  simulation.runFor(20)
  for (const id of [1, 2, 3]) simulation.crash(id)
  simulation.runFor(100)
  for (const id of [1, 2, 3]) simulation.start(id)
  const begin = simulation.now
  simulation.runUntil(() => simulation.allRunning(), 3000, 'running cluster')
  expect(simulation.now - begin).toBeLessThan(300)
  simulation.runFor(100)
  for (const { image } of simulation.nodes.values()) {
    expect(image!.topic('orders')!.partitions.every(({ leader }) => leader > 0)).toBe(true)
  }
})

test('a request on which the controller breaks is refused, however often it comes, and nothing else suffers', () => {
  const simulation = started({ seed: 6 })
  simulation.runUntil(() => simulation.allRunning(), 2000)
  const [active] = simulation.active()
  const life = simulation.nodes.get(active!)!.controller
  const answers: any[] = []
  for (let i = 0; i < 20; i++)
    simulation.request(active!, 'CreateTopics', { topics: null }, (body) => answers.push(body))
  simulation.request(active!, 'CreateTopics', createTopics(topic('orders', 1, 3)), (body) => answers.push(body))
  simulation.runUntil(() => answers.length === 21, 1000, 'answers')
  expect(answers.slice(0, 20)).toEqual(Array(20).fill({ kind: 'refused', error: KafkaError.UNKNOWN_SERVER_ERROR }))
  expect(answers[20].topics[0].errorCode ?? 0).toBe(0)
  expect(simulation.nodes.get(active!)!.controller).toBe(life)
})

test('a broker whose log directory fails has itself fenced, so that others lead, and asks the shell for its end', () => {
  const simulation = started({ seed: 7 })
  simulation.runUntil(() => simulation.allRunning(), 2000)
  let answer: any
  simulation.request(1, 'CreateTopics', createTopics(topic('orders', 6, 3)), (body) => (answer = body))
  simulation.runUntil(() => answer !== undefined, 1000)
  simulation.runFor(100)
  simulation.ask(2, 'broker', { kind: 'directoryFailed', reason: 'EIO' } as never, () => {})
  const others = [1, 3].map((id) => simulation.nodes.get(id)!)
  const moved = (): boolean =>
    others.every(
      ({ image }) =>
        image!.brokers.get(2)!.fenced &&
        image!.topic('orders')!.partitions.every(({ leader, isr }) => leader !== 2 && leader > 0 && !isr.includes(2)),
    )
  simulation.runUntil(moved, 400, 'new leaders')
  const ended = (): boolean => simulation.nodes.get(2)!.sent.some(({ message }) => message.kind === 'endWorker')
  simulation.runUntil(ended, 600, 'the end')
})
