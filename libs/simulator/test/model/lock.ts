/**
 * A lock server and its clients: small enough to know by heart what a search must find. The server grants the lock to one
 * client at a time; with the bug planted it believes every release, also one that comes twice and late.
 */
import type { ActorDefinition, Env, Message, Outbox, Reply, ReplyToken } from '@troupe/actor'
import { actorModel, type ActorModel, type ActorModelOptions } from '../../src/model/index.ts'

interface Acquire extends Message {
  readonly kind: 'acquire'
  readonly replyTo: ReplyToken
}

interface Release extends Message {
  readonly kind: 'release'
  readonly client: number
  readonly grant: number
}

interface ServerState {
  holder: number
  grant: number
  readonly waiting: ReplyToken[]
}

function serverActor(isBuggy: boolean): ActorDefinition<ServerState, Acquire | Release> {
  return {
    kind: 'server',
    start: () => ({ holder: -1, grant: 0, waiting: [] }),
    step(state, message, _env, out) {
      if (message.kind === 'acquire') state.waiting.push(message.replyTo)
      else if (isBuggy || (message.client === state.holder && message.grant === state.grant)) state.holder = -1
      const next = state.holder < 0 ? state.waiting.shift() : undefined
      if (next === undefined) return
      state.holder = next.broker
      out.reply(next, { grant: ++state.grant })
    },
  }
}

export interface ClientState {
  phase: 'idle' | 'asking' | 'holding'
  request: number
  grant: number
  nextId: number
  rounds: number
}

type ClientMessage = { kind: 'want' } | { kind: 'done' } | Reply<{ grant: number }>

const clientActor: ActorDefinition<ClientState, ClientMessage> = {
  kind: 'client',
  start: () => ({ phase: 'idle', request: -1, grant: 0, nextId: 1, rounds: 0 }),
  step(state, message, env: Env, out: Outbox) {
    const server = { broker: 1, actor: 'server' }
    switch (message.kind) {
      case 'want':
        state.phase = 'asking'
        state.request = state.nextId++
        out.send(server, { kind: 'acquire', replyTo: { ...env.self, id: state.request } })
        return
      case 'reply':
        if (state.phase !== 'asking' || message.id !== state.request) return
        if (!('grant' in message.body)) throw new Error('the server is gone')
        state.phase = 'holding'
        state.grant = message.body.grant
        return
      case 'done':
        out.send(server, { kind: 'release', client: env.self.broker, grant: state.grant } as Release)
        state.phase = 'idle'
        state.grant = 0
        state.rounds++
    }
  },
}

export interface LockGhost {
  duplicates: number
}

export interface LockOptions extends ActorModelOptions {
  readonly bug: boolean
}

export function lockModel({ bug, ...options }: LockOptions): ActorModel<LockGhost> {
  const clients = (bounds: Readonly<Record<string, number>>): number[] =>
    Array.from({ length: bounds.clients! }, (_, at) => 101 + at)
  const phase = (world: { state<S>(node: number, name: string): S | undefined }, node: number): string =>
    world.state<ClientState>(node, 'client')!.phase
  return actorModel<LockGhost>(
    {
      name: 'lock',
      title: 'A lock server, its clients, and a network that repeats itself',
      defaultBounds: { clients: 2, rounds: 2, duplicates: 1 },
      cells: (bounds) => [
        { node: 1, name: 'server', definition: serverActor(bug) },
        ...clients(bounds).map((node) => ({ node, name: 'client', definition: clientActor })),
      ],
      ghost: () => ({ duplicates: 0 }),
      choices: (bounds) =>
        clients(bounds).flatMap((node) => [
          {
            label: `want c${node - 100}`,
            type: 'client',
            enabled: (world) =>
              phase(world, node) === 'idle' && world.state<ClientState>(node, 'client')!.rounds < bounds.rounds!,
            apply: (world) => world.deliver(node, 'client', { kind: 'want' }),
          },
          {
            label: `done c${node - 100}`,
            type: 'client',
            enabled: (world) => phase(world, node) === 'holding',
            apply: (world) => world.deliver(node, 'client', { kind: 'done' }),
          },
        ]),
      mayDuplicate: (world, { message }) =>
        message.kind === 'release' && world.ghost.duplicates < world.bounds.duplicates!,
      duplicated: (world) => world.edit().duplicates++,
      check: (world) => {
        const holders = clients(world.bounds).filter((node) => phase(world, node) === 'holding')
        return holders.length < 2
          ? null
          : { invariant: 'M1', detail: `${holders.map((node) => `c${node - 100}`).join(' and ')} hold the lock` }
      },
      witnesses: (world) => (clients(world.bounds).some((node) => phase(world, node) === 'holding') ? ['held'] : []),
      fields: {
        client: { omit: ['nextId'], ids: ['request'] },
        server: { nodes: ['holder'] },
        messages: { nodes: ['client'] },
      },
      symmetry: (bounds) => [clients(bounds)],
      detail: (message) => (message.kind === 'release' ? `client=${(message as Release).client}` : ''),
    },
    options,
  )
}
