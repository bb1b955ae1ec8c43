/**
 * Actors for tests of workers: a front whose requests are words, and what the shell expects of every broker.
 *
 * Each frame is `word argument…`; the answer is a frame of text.
 */
import { openSync, writeFileSync, writeSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { ActorDefinition, Env, Message, Reply, ReplyToken } from '@troupe/actor'
import type { Frame, Transport } from '@troupe/broker/transport'
import type { BrokerAssembly, BrokerContext } from '../src/broker-assembly.ts'

interface FrontState {
  nextId: number
  asks: Map<number, number>
}

interface FrontEnv extends Env {
  transport: Transport
}

type FrontMessage = Frame | Reply | (Message & { kind: 'connectionOpened' | 'connectionClosed' })

function answer(env: FrontEnv, connection: number, text: string): void {
  const body = new TextEncoder().encode(text)
  const frame = env.transport.acquire(4 + body.length).subarray(0, 4 + body.length)
  new DataView(frame.buffer, frame.byteOffset).setUint32(0, body.length)
  frame.set(body, 4)
  env.transport.send(connection, frame)
}

function front(context: BrokerContext): ActorDefinition<FrontState, FrontMessage, FrontEnv> {
  return {
    kind: 'front',
    start: () => ({ nextId: 1, asks: new Map() }),
    step(state, message, env, out) {
      if (message.kind === 'reply') {
        const connection = state.asks.get(message.id)
        state.asks.delete(message.id)
        if (connection !== undefined) answer(env, connection, JSON.stringify(message.body))
        return
      }
      if (message.kind !== 'frame') return
      const [word = '', ...args] = new TextDecoder().decode(message.bytes).split(' ')
      const ask = (broker: number, actor: string, question: Record<string, unknown>): void => {
        const id = state.nextId++
        state.asks.set(id, message.connection)
        out.send({ broker, actor }, { ...question, replyTo: { ...env.self, id } } as unknown as Message)
      }
      switch (word) {
        case 'echo':
          return answer(env, message.connection, args.join(' '))
        case 'sum':
          return ask(Number(args[0]), 'worker', { kind: 'sum', records: message.bytes })
        case 'hang':
          return ask(Number(args[0]), 'worker', { kind: 'hang' })
        case 'throw':
          return ask(Number(args[0]), 'worker', { kind: 'throw' })
        case 'downs':
          return ask(env.self.broker, 'controller', { kind: 'downs' })
        case 'loop':
          for (;;) Math.imul(1, 1)
        case 'exit':
          process.exit(3)
        case 'uncaught':
          setImmediate(() => {
            throw new RangeError('nobody catches this')
          })
          return
        case 'write':
          return answer(env, message.connection, tryWrite(join(context.boot.directory, args.join(' '))))
        case 'sync':
          return trySync(context, join(context.boot.directory, 'synced'), (text) =>
            answer(env, message.connection, text),
          )
        case 'addon': {
          const require = createRequire(new URL('../../wire/package.json', import.meta.url))
          const { crc32c } = require('@node-rs/crc32') as { crc32c(data: Buffer): number }
          return answer(env, message.connection, crc32c(Buffer.from('123456789')).toString(16))
        }
      }
    },
  }
}

function tryWrite(path: string): string {
  try {
    writeFileSync(path, 'x')
    return 'written'
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error)
  }
}

/** Both ways to make a file durable, closed while one of them is under way. */
function trySync({ sync }: BrokerContext, path: string, done: (text: string) => void): void {
  const descriptor = openSync(path, 'w')
  writeSync(descriptor, 'x')
  sync.fsync(descriptor)
  sync.fdatasync(descriptor)
  let refused = ''
  try {
    sync.fsync(9999)
  } catch (error) {
    refused = (error as NodeJS.ErrnoException).code ?? ''
  }
  sync.fdatasyncLater(descriptor, (error) => done(`${refused} ${error?.message ?? 'durable'}`))
  sync.close(descriptor)
}

type WorkerMessage = Message & { replyTo: ReplyToken; records?: Uint8Array }

const worker: ActorDefinition<null, WorkerMessage> = {
  kind: 'worker',
  start: () => null,
  step(_state, message, env, out) {
    if (message.kind === 'throw') throw new TypeError('asked to')
    if (message.kind !== 'sum') return
    const sum = message.records!.reduce((total, byte) => (total * 33 + byte) % 1_000_003, 7)
    out.reply(message.replyTo, { sum, by: env.self.broker })
  },
}

const controller: ActorDefinition<number[], Message & { broker?: number }> = {
  kind: 'controller',
  start: () => [],
  step(downs, message, _env, out) {
    if (message.kind === 'brokerDown') downs.push(message.broker!)
    else if (message.replyTo) out.reply(message.replyTo, downs)
  },
}

const broker: ActorDefinition<null, Message> = {
  kind: 'broker',
  start: () => null,
  step(_state, message, _env, out) {
    if (message.replyTo) out.reply(message.replyTo, {})
  },
}

export function assemble(context: BrokerContext): BrokerAssembly {
  const none = (): object => ({})
  return {
    kinds: new Map([
      ['front', { definition: front(context), ports: () => ({ transport: context.transport }) }],
      ['worker', { definition: worker, ports: none }],
      ['controller', { definition: controller, ports: none }],
      ['broker', { definition: broker, ports: none }],
    ]),
    roots: ['controller', 'broker', 'worker', 'front'].map((kind) => ({ name: kind, kind, args: null })),
    describe: () => ({
      id: context.broker,
      metadataOffset: 0,
      controllerId: -1,
      brokers: [],
      partitions: [],
      replicas: [],
    }),
    closeCleanly: () => writeFileSync(join(context.boot.directory, 'clean'), ''),
  }
}
