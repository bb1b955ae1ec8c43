/** What the engine does with messages, timers, crashes and errors: the rules of the production host, one by one. */
import {
  allSafeguards,
  isFailed,
  type ActorDefinition,
  type Env,
  type Message,
  type Outbox,
  type Reply,
} from '@troupe/actor'
import { describe, expect, test } from 'vitest'
import { actorModel, search, walk, type ActorModelSpec, type CellSpec, type World } from '../../src/model/index.ts'

/** Does what its messages say, and writes down what it hears. */
interface Puppet {
  heard: string[]
  nextId: number
  held: Message[]
  bytes: Uint8Array | null
}
type Order =
  | { kind: 'ask'; node: number; actor: string; what: Message }
  | { kind: 'hold'; replyTo?: Message['replyTo'] }
  | { kind: 'release' }
  | { kind: 'forward'; node: number; replyTo?: Message['replyTo'] }
  | { kind: 'echo'; replyTo?: Message['replyTo'] }
  | { kind: 'note'; text: string }
  | { kind: 'arm'; name: string }
  | { kind: 'disarm'; name: string }
  | { kind: 'throw'; replyTo?: Message['replyTo'] }
  | { kind: 'break' }
  | { kind: 'keep'; bytes: Uint8Array }
  | { kind: 'scribble' }
  | { kind: 'post' }
  | { kind: 'draw' }
  | { kind: 'spawn'; name: string }
  | { kind: 'stop'; name: string }
  | { kind: 'write'; text: string }
  | { kind: 'loop' }
  | Reply<string>

interface Disk {
  lines: string[]
  synced: number
}
interface PuppetEnv extends Env {
  readonly disk: Disk
}

const puppet: ActorDefinition<Puppet, Order, PuppetEnv> = {
  kind: 'puppet',
  start: (_args, env) => ({ heard: env.disk.lines.map((line) => `read ${line}`), nextId: 1, held: [], bytes: null }),
  step(state, message, env, out) {
    if (message.kind === 'ask') {
      const replyTo = { ...env.self, id: state.nextId++ }
      out.send({ broker: message.node, actor: message.actor }, { ...message.what, replyTo })
    } else if (message.kind === 'reply') {
      const { body } = message
      state.heard.push(isFailed(body) ? `${message.id} failed: ${body.reason}` : `${message.id} ${body}`)
    } else follow(state, message, env, out)
  },
  invariants({ heard }) {
    if (heard.includes('broken')) throw new Error('P1: it is broken')
  },
}

function follow(state: Puppet, message: Exclude<Order, { kind: 'ask' | 'reply' }>, env: PuppetEnv, out: Outbox): void {
  const self = env.self
  switch (message.kind) {
    case 'hold':
      state.held.push(message)
      return
    case 'release':
      for (const { replyTo } of state.held.splice(0)) out.reply(replyTo!, 'at last')
      return
    case 'forward':
      out.send({ broker: message.node, actor: 'p' }, { kind: 'hold', replyTo: message.replyTo } as Message)
      return
    case 'echo':
      out.reply(message.replyTo!, 'echo')
      return
    case 'note':
      state.heard.push(message.text)
      return
    case 'arm':
      out.setTimer(message.name, env.now + 10, { kind: 'note', text: `${message.name} fired` } as Message)
      return
    case 'disarm':
      out.cancelTimer(message.name)
      return
    case 'throw':
      throw new Error('as it was told')
    case 'break':
      state.heard.push('broken')
      return
    case 'keep':
      state.bytes = message.bytes
      return
    case 'scribble':
      state.bytes!.fill(0xff)
      return
    case 'post':
      out.send({ broker: 2, actor: 'p' }, { kind: 'keep', bytes: state.bytes } as Message)
      return
    case 'draw':
      state.heard.push(String(env.random()))
      return
    case 'spawn':
      out.spawn(message.name, 'child', { text: 'hello' })
      out.send({ broker: self.broker, actor: message.name }, { kind: 'note', text: 'after spawn' } as Message)
      return
    case 'stop':
      out.stop(message.name)
      return
    case 'write':
      env.disk.lines.push(message.text)
      return
    case 'loop':
      out.send(self, { kind: 'loop' })
  }
}

interface Ghost {
  done: number
}
const cellOf = (node: number, name = 'p'): CellSpec<Ghost> => ({
  node,
  name,
  definition: puppet,
  disk: (): Disk => ({ lines: [], synced: 0 }),
  ports: (view) => ({
    get disk() {
      return view.disk
    },
  }),
  powerLoss: (disk) => void (disk as Disk).lines.splice((disk as Disk).synced),
})

function worldOf(spec: Partial<ActorModelSpec<Ghost>> = {}) {
  const model = actorModel<Ghost>({
    name: 'puppets',
    title: 'Puppets',
    defaultBounds: {},
    cells: () => [cellOf(1), cellOf(2), cellOf(3)],
    ghost: () => ({ done: 0 }),
    check: () => null,
    kinds: {
      child: {
        definition: { ...puppet, kind: 'child' },
        disk: () => ({ lines: [], synced: 0 }),
        ports: cellOf(0).ports,
      },
    },
    ...spec,
  })
  const world = model.initial(allSafeguards, {})
  const labels = (): string[] => model.enabled(world).map(({ label }) => label)
  return {
    model,
    world,
    labels,
    tell: (node: number, order: Order) => world.deliver(node, 'p', order as Message),
    heard: (node: number, name = 'p') => world.state<Puppet>(node, name)?.heard,
    do(label: string) {
      const action = model.enabled(world).find((enabled) => enabled.label === label)
      expect(action, `${label} among ${labels().join(', ')}`).toBeDefined()
      model.apply(world, action!)
    },
  }
}

describe('messages', () => {
  test('between nodes are on their way, in order per link, and named by kind', () => {
    const { tell, labels, do: act, heard } = worldOf()
    tell(1, { kind: 'ask', node: 2, actor: 'p', what: { kind: 'echo' } })
    tell(1, { kind: 'ask', node: 2, actor: 'p', what: { kind: 'hold' } })
    tell(3, { kind: 'ask', node: 2, actor: 'p', what: { kind: 'hold' } })
    expect(labels()).toEqual(['b1→b2 echo', 'b3→b2 hold'])
    act('b1→b2 echo')
    expect(labels()).toEqual(['b1→b2 hold', 'b3→b2 hold', "b2→b1 echo's answer"])
    act("b2→b1 echo's answer")
    expect(heard(1)).toEqual(['1 echo'])
    act('b1→b2 hold')
    act('b3→b2 hold')
    tell(2, { kind: 'release' })
    expect(labels()).toEqual(["b2→b1 hold's answer", "b2→b3 hold's answer"])
  })

  test('have lanes where a model gives them', () => {
    const lane: ActorModelSpec<Ghost>['lane'] = (_from, _to, _actor, { kind }) =>
      kind === 'echo' ? null : kind === 'hold' ? 'bulk' : ''
    const { tell, labels } = worldOf({ lane })
    for (const kind of ['echo', 'hold', 'hold', 'echo', 'throw']) {
      tell(1, { kind: 'ask', node: 2, actor: 'p', what: { kind } })
    }
    expect(labels()).toEqual(['b1→b2 echo', 'b1→b2 hold @bulk', 'b1→b2 echo #2', 'b1→b2 throw'])
  })

  test('within a node arrive in the same turn, unless they are separate', () => {
    const order: Order = { kind: 'ask', node: 1, actor: 'p', what: { kind: 'echo' } }
    const joined = worldOf()
    joined.tell(1, order)
    expect([joined.heard(1), joined.labels()]).toEqual([['1 echo'], []])
    const separate = worldOf({ isSeparate: (_node, _actor, { kind }) => kind === 'echo' })
    separate.tell(1, order)
    expect([separate.heard(1), separate.labels()]).toEqual([[], ['b1 echo']])
    separate.do('b1 echo')
    expect(separate.heard(1)).toEqual(['1 echo'])
  })

  test('are copies: what is written into the bytes afterwards, at either end, stays there', () => {
    const { tell, do: act, world, model } = worldOf()
    tell(1, { kind: 'keep', bytes: new Uint8Array([1, 2]) })
    tell(1, { kind: 'post' })
    tell(1, { kind: 'scribble' })
    const copy = model.clone(world)
    act('b1→b2 keep')
    expect(world.state<Puppet>(2, 'p')!.bytes).toEqual(new Uint8Array([1, 2]))
    tell(2, { kind: 'scribble' })
    model.apply(copy, model.enabled(copy)[0]!)
    expect(copy.state<Puppet>(2, 'p')!.bytes).toEqual(new Uint8Array([1, 2]))
    expect(world.state<Puppet>(2, 'p')!.bytes).toEqual(new Uint8Array([255, 255]))
  })

  test('can be lost, repeated and held back where a model says so', () => {
    const {
      tell,
      labels,
      do: act,
      world,
      heard,
    } = worldOf({
      mayLose: ({ ghost }) => ghost.done < 2,
      lost: (at) => at.edit().done++,
      mayDuplicate: (_world, { message }) => message.kind === 'note',
      mayDeliver: (_world, { to }) => to !== 3,
    })
    tell(1, { kind: 'ask', node: 2, actor: 'p', what: { kind: 'note', text: 'once' } as never })
    tell(1, { kind: 'ask', node: 3, actor: 'p', what: { kind: 'echo' } })
    expect(labels()).toEqual(['b1→b2 note', 'lose b1→b2 note', 'duplicate b1→b2 note'])
    act('duplicate b1→b2 note')
    act('b1→b2 note')
    expect(heard(2)).toEqual(['once', 'once'])
    tell(1, { kind: 'ask', node: 2, actor: 'p', what: { kind: 'echo' } })
    act('lose b1→b2 echo')
    expect([labels(), world.ghost.done]).toEqual([[], 1])
  })

  test('of an endless turn are a violation', () => {
    const { tell, world, labels } = worldOf()
    tell(1, { kind: 'loop' })
    expect(world.failure?.invariant).toBe('endless-turn')
    expect(labels()).toEqual([])
  })
})

describe('whoever waits for an answer gets one', () => {
  test('when there is no such actor, or no such node', () => {
    const { tell, do: act, heard } = worldOf()
    tell(1, { kind: 'ask', node: 1, actor: 'nobody', what: { kind: 'echo' } })
    tell(1, { kind: 'ask', node: 9, actor: 'p', what: { kind: 'echo' } })
    act("b1 echo's failure")
    act("b9→b1 echo's failure")
    expect(heard(1)).toEqual(['1 failed: no-such-actor', '2 failed: broker-down'])
  })

  test('when the node crashes: with the question held, under way, and answered too late', () => {
    const { tell, do: act, world, heard, labels } = worldOf()
    const ask = (kind: string): void => tell(1, { kind: 'ask', node: 2, actor: 'p', what: { kind } })
    ask('hold')
    act('b1→b2 hold')
    ask('echo')
    act('b1→b2 echo')
    ask('note')
    world.crash(2)
    expect(labels()).toEqual(["b2→b1 hold's failure"])
    act("b2→b1 hold's failure")
    act("b2→b1 echo's failure")
    act("b2→b1 note's failure")
    expect([heard(1), labels()]).toEqual([['1', '2', '3'].map((id) => `${id} failed: broker-down`), []])
  })

  test('from whom a question was passed on to, who then owes the answer', () => {
    const { tell, do: act, world, heard, labels } = worldOf()
    tell(1, { kind: 'ask', node: 2, actor: 'p', what: { kind: 'forward', node: 3 } as never })
    act('b1→b2 forward')
    act('b2→b3 hold')
    world.crash(2)
    expect(labels()).toEqual([])
    tell(3, { kind: 'release' })
    act("b3→b1 hold's answer")
    expect(heard(1)).toEqual(['1 at last'])
  })

  test('but not in its next life', () => {
    const { tell, do: act, world, heard } = worldOf()
    tell(1, { kind: 'ask', node: 2, actor: 'p', what: { kind: 'hold' } })
    act('b1→b2 hold')
    world.crash(1)
    world.start(1)
    tell(2, { kind: 'release' })
    act("b2→b1 hold's answer")
    expect(heard(1)).toEqual([])
  })
})

describe('crashes', () => {
  test('keep the disk; a power loss keeps what was synced', () => {
    const { tell, world, heard } = worldOf()
    for (const text of ['one', 'two']) tell(1, { kind: 'write', text })
    tell(1, { kind: 'arm', name: 'tick' })
    world.crash(1)
    expect([world.isUp(1), world.state(1, 'p'), world.cell(1, 'p')!.timers]).toEqual([false, undefined, []])
    world.start(1)
    expect(heard(1)).toEqual(['read one', 'read two'])
    ;(world.own(world.cell(1, 'p')!.index).disk as Disk).synced = 1
    world.crash(1, 'powerLoss')
    world.start(1)
    expect(heard(1)).toEqual(['read one'])
  })

  test('by an actor are a violation, or a restart that fails what it owes', () => {
    const strict = worldOf()
    strict.tell(1, { kind: 'throw' })
    expect(strict.model.check(strict.world)).toMatchObject({ invariant: 'actor-threw' })
    expect(strict.world.failure!.detail).toMatch(/^p on b1, during throw: Error: as it was told/)
    const lenient = worldOf({ onThrow: 'restart' })
    lenient.tell(2, { kind: 'note', text: 'soon forgotten' })
    lenient.tell(1, { kind: 'ask', node: 2, actor: 'p', what: { kind: 'throw' } })
    lenient.do('b1→b2 throw')
    lenient.do("b2→b1 throw's failure")
    expect([lenient.heard(1), lenient.heard(2)]).toEqual([['1 failed: actor-crashed'], []])
    expect(lenient.world.failure).toBeNull()
  })

  test('are worlds apart from what looks the same', () => {
    const { model, world } = worldOf()
    const broken = model.clone(world)
    broken.deliver(1, 'p', { kind: 'throw' })
    expect(model.fingerprint(broken)).not.toEqual(model.fingerprint(world))
  })

  test("an actor's own invariants are checked after every step", () => {
    const { tell, world } = worldOf()
    tell(1, { kind: 'break' })
    expect(world.failure).toEqual({ invariant: 'actor-invariant', detail: 'P1: it is broken' })
  })
})

describe('timers', () => {
  test('may fire whenever they are set, in any order, once', () => {
    const { tell, labels, do: act, heard } = worldOf()
    for (const name of ['late', 'early', 'never']) tell(1, { kind: 'arm', name })
    tell(1, { kind: 'disarm', name: 'never' })
    expect(labels()).toEqual(['b1 timer late', 'b1 timer early'])
    act('b1 timer early')
    expect([heard(1), labels()]).toEqual([['early fired'], ['b1 timer late']])
  })

  test('fire at the time that the model says', () => {
    const now: ActorModelSpec<Ghost>['now'] = (_world, _cell, timer, at) => (timer === null ? 5 : at)
    const times: number[] = []
    const { tell, do: act, world } = worldOf({ now, afterStep: (_world, cell) => times.push(cell.timers.length) })
    tell(1, { kind: 'arm', name: 'tick' })
    expect(world.cell(1, 'p')!.timers[0]!.at).toBe(15)
    act('b1 timer tick')
    expect(times).toEqual([1, 0])
  })

  test('are budgeted by the model', () => {
    const {
      tell,
      do: act,
      labels,
    } = worldOf({
      mayFire: ({ ghost }) => ghost.done < 1,
      fired: (world) => world.edit().done++,
    })
    tell(1, { kind: 'arm', name: 'one' })
    tell(2, { kind: 'arm', name: 'two' })
    act('b2 timer two')
    expect(labels()).toEqual([])
  })
})

test('actors start and stop others', () => {
  const { tell, heard, world, do: act } = worldOf()
  tell(1, { kind: 'spawn', name: 'kid' })
  expect(heard(1, 'kid')).toEqual(['after spawn'])
  tell(1, { kind: 'ask', node: 1, actor: 'kid', what: { kind: 'hold' } })
  tell(1, { kind: 'stop', name: 'kid' })
  act("b1 puppet hold's failure")
  expect([heard(1), world.state(1, 'kid')]).toEqual([['1 failed: actor-crashed'], undefined])
})

test('randomness belongs to a life of an actor', () => {
  const { tell, heard, model, world } = worldOf()
  const other = model.clone(world)
  for (const node of [1, 1, 2]) tell(node, { kind: 'draw' })
  other.deliver(1, 'p', { kind: 'draw' })
  expect(other.state<Puppet>(1, 'p')!.heard[0]).toBe(heard(1)![0])
  expect(heard(2)![0]).toBe(heard(1)![0])
  expect(heard(1)![1]).not.toBe(heard(1)![0])
  world.crash(1)
  world.start(1)
  tell(1, { kind: 'draw' })
  expect(heard(1)![0]).not.toBe(heard(2)![0])
  const constant = worldOf({ random: 7 })
  constant.tell(1, { kind: 'draw' })
  expect(constant.heard(1)).toEqual(['7'])
})

describe('copies of a world', () => {
  test('go their own ways, whichever is changed first', () => {
    const { model, world, tell, heard } = worldOf()
    tell(1, { kind: 'note', text: 'common' })
    const copy = model.clone(world)
    tell(1, { kind: 'note', text: 'mine' })
    copy.deliver(1, 'p', { kind: 'note', text: 'yours' } as Message)
    copy.edit().done = 9
    expect([heard(1), world.ghost.done]).toEqual([['common', 'mine'], 0])
    expect([copy.state<Puppet>(1, 'p')!.heard, copy.ghost.done]).toEqual([['common', 'yours'], 9])
    expect(copy.cell(2, 'p')).toBe(world.cell(2, 'p'))
  })
})

test('a step is not remembered whose port looked at the rest of the world', () => {
  const spec = (isPure: boolean): Partial<ActorModelSpec<Ghost>> => {
    const reader: ActorDefinition<{ seen: number }, Message, Env & { readonly done: number }> = {
      kind: 'reader',
      start: () => ({ seen: -1 }),
      step: (state, _message, env) => void (state.seen = isPure ? 1 : env.done),
    }
    const ports: CellSpec<Ghost>['ports'] = (view) => ({
      get done() {
        return (view.world as World<Ghost>).ghost.done
      },
    })
    return {
      cells: () => [{ node: 1, name: 'p', definition: reader, ports }],
      choices: () => [
        {
          label: 'more',
          type: 'client',
          enabled: ({ ghost }) => ghost.done < 3,
          apply: (world) => void world.edit().done++,
        },
        {
          label: 'read',
          type: 'client',
          enabled: () => true,
          apply: (world) => world.deliver(1, 'p', { kind: 'read' }),
        },
      ],
    }
  }
  // −1 and then any of 0…done, for each done; a remembered step would always see the same.
  expect(search(worldOf(spec(false)).model, allSafeguards, {}).states).toBe(4 + 1 + 2 + 3 + 4)
  expect(search(worldOf(spec(true)).model, allSafeguards, {}).states).toBe(4 * 2)
})

test('a walk ends where nothing can happen', () => {
  const { model } = worldOf()
  expect(walk(model, allSafeguards, {}, { seed: 1, steps: 10 })).toMatchObject({ steps: 0, violation: null, path: [] })
})
