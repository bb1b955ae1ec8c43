/** The command as a user types it: start, serve, stop, start again; refusals; the admin endpoint. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Kafka, logLevel } from 'kafkajs'
import { Command } from './command.ts'

// The machine may be busy; nothing here waits for time to pass.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 })

let directory: string
const started: Command[] = []

beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'troupe-command-'))))
afterEach(async () => {
  for (const command of started.splice(0)) {
    command.child.kill('SIGKILL')
    await command.exited
  }
  rmSync(directory, { recursive: true, force: true })
})

function start(more: Record<string, string | number> = {}, args: string[] = [], environment = {}): Command {
  const command = new Command(
    { 'log.dirs': directory, listeners: 'PLAINTEXT://127.0.0.1:0', 'troupe.admin.port': 0, ...more },
    args,
    environment,
  )
  started.push(command)
  return command
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setImmediate(resolve))
}

describe('the command line', () => {
  it('refuses invalid values with the property, the value and what is allowed', async () => {
    const command = start({ 'num.partitions': 'many' })
    expect(await command.exited).toBe(2)
    expect(command.err).toMatch(/many.*num\.partitions.*allowed/)
    expect(command.out).toBe('')
  })

  it('refuses a file that is not there, and arguments that it does not know', async () => {
    const missing = start({}, [join(directory, 'none.properties')])
    expect(await missing.exited).toBe(2)
    expect(missing.err).toContain('none.properties')
    const unknown = start({}, ['--colour'])
    expect(await unknown.exited).not.toBe(0)
    expect(unknown.err).toContain('--colour')
  })

  it('explains itself', async () => {
    const command = new Command({}, ['--help'])
    expect(await command.exited).toBe(0)
    for (const word of ['server.properties', '--override', 'troupe.brokers', 'log.dirs'])
      expect(command.out).toContain(word)
  })
})

describe('a cluster', () => {
  it('says when it is ready, in one line, and ends in order', async () => {
    writeFileSync(join(directory, 'server.properties'), 'num.partitions=4\nnum.partition=7\ntroupe.brokers=2\n')
    const command = start({ 'troupe.brokers': 3 }, [join(directory, 'server.properties')], {
      KAFKA_NUM_PARTITIONS: '5',
    })
    const bootstrap = await command.ready()
    expect(new Set(bootstrap).size).toBe(3)
    const admin = await command.admin()
    const status = (await (await fetch(`${admin}/v1/cluster`)).json()) as {
      brokers: { state: string; fenced: boolean }[]
    }
    expect(status.brokers.map(({ state, fenced }) => [state, fenced])).toEqual(Array(3).fill(['running', false]))
    expect(command.err).toContain('num.partition ')
    expect(await command.end('SIGTERM')).toBe(0)
    expect(command.out.split('\n')).toHaveLength(2)
    expect(existsSync(join(directory, '.lock'))).toBe(false)
    for (const broker of [1, 2, 3])
      expect(existsSync(join(directory, `broker-${broker}/.kafka_cleanshutdown`))).toBe(true)
  })

  it('ends in order also when it is asked to before it is ready', async () => {
    const command = start({ 'troupe.log.level': 'debug' })
    await until(async () => existsSync(join(directory, 'broker-3')))
    expect(await command.end('SIGINT')).toBe(0)
    expect(existsSync(join(directory, '.lock'))).toBe(false)
  })

  it('names the port that is taken', async () => {
    const taken = createServer()
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
    const { port } = taken.address() as { port: number }
    const command = start({ listeners: `PLAINTEXT://127.0.0.1:${port}`, 'troupe.brokers': 1 })
    expect(await command.exited).toBe(1)
    expect(command.err).toContain(`127.0.0.1:${port}`)
    await new Promise((resolve) => taken.close(resolve))
  })

  it('keeps its directory from a second process, and continues after the first has gone', async () => {
    const first = start({ 'troupe.brokers': 1 })
    const [bootstrap] = await first.ready()
    await produce(bootstrap!, 'kept', ['a', 'b'])
    const second = start({ 'troupe.brokers': 1 })
    expect(await second.exited).toBe(1)
    expect(second.err).toContain('in use by process')
    expect(await first.end('SIGKILL')).toBe(null)
    const third = start({ 'troupe.brokers': 1 })
    const [again] = await third.ready()
    expect(await consume(again!, 'kept', 2)).toEqual(['a', 'b'])
    const id = /cluster\.id=(\S+)/.exec(readFileSync(join(directory, 'broker-1/meta.properties'), 'utf8'))
    expect(third.err).toContain(id![1]!)
    expect(await third.end('SIGINT')).toBe(0)
  })

  it('crashes, stops and starts brokers on request, and shows it', async () => {
    const command = start()
    await command.ready()
    const admin = await command.admin()
    const post = async (path: string): Promise<number> => (await fetch(`${admin}${path}`, { method: 'POST' })).status
    type Broker = { id: number; state: string; fenced: boolean; starts: number }
    const broker = async (id: number): Promise<Broker> => {
      const { brokers } = (await (await fetch(`${admin}/v1/cluster`)).json()) as { brokers: Broker[] }
      return brokers.find((broker) => broker.id === id)!
    }
    expect(await post('/v1/brokers/2/crash')).toBe(200)
    await until(async () => {
      const { state, starts, fenced } = await broker(2)
      return state === 'running' && starts === 2 && !fenced
    })
    expect(await post('/v1/brokers/3/stop')).toBe(200)
    expect((await broker(3)).state).toBe('stopped')
    await until(async () => (await broker(3)).fenced)
    expect(await post('/v1/brokers/3/start')).toBe(200)
    await until(async () => {
      const { state, fenced } = await broker(3)
      return state === 'running' && !fenced
    })
    expect(await post('/v1/brokers/9/crash')).toBe(404)
    const metrics = await (await fetch(`${admin}/metrics`)).text()
    expect(metrics).toContain('kafka_server_replicamanager_partitioncount{broker="1"}')
    expect(metrics).toContain('troupe_worker_starts_total{broker="2"} 2')
    expect(await command.end('SIGTERM')).toBe(0)
  })
})

const client = (bootstrap: string): Kafka => new Kafka({ brokers: [bootstrap], logLevel: logLevel.ERROR })

async function produce(bootstrap: string, topic: string, values: string[]): Promise<void> {
  const producer = client(bootstrap).producer()
  await producer.connect()
  await producer.send({ topic, acks: -1, messages: values.map((value) => ({ key: 'k', value })) })
  await producer.disconnect()
}

async function consume(bootstrap: string, topic: string, count: number): Promise<string[]> {
  const consumer = client(bootstrap).consumer({ groupId: 'readers' })
  const values: string[] = []
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await new Promise<void>((resolve) => {
    void consumer.run({
      eachMessage: async ({ message }) => {
        values.push(message.value!.toString())
        if (values.length === count) resolve()
      },
    })
  })
  await consumer.disconnect()
  return values
}
