/** The shell around actors: order, effects, questions and answers, restarts, budgets. */
import { describe, expect, it } from 'vitest'
import type { Message, ReplyToken } from '@troupe/actor'
import type { Remote } from '@troupe/actor/host/actor-host'
import { ask, hostOf, toy } from './toy.ts'

const asker = toy({
  go: (_state, { to, what }, env, out) =>
    out.send({ broker: env.self.broker, actor: to as string }, {
      kind: what as string,
      replyTo: ask(env, 7),
    } as Message),
})

describe('actor host', () => {
  it('delivers in order, in one turn, never inside a step', () => {
    const order: string[] = []
    const { host, send } = hostOf({
      a: toy({
        go: (_state, _message, env, out) => {
          out.send({ broker: 1, actor: 'b' }, { kind: 'first' })
          out.send({ broker: 1, actor: 'b' }, { kind: 'second' })
          order.push(`a at ${env.now}`)
        },
      }),
      b: toy({ first: () => order.push('first'), second: () => order.push('second') }),
    })
    host.spawn('a', 'a', null)
    host.spawn('b', 'b', null)
    send('a', { kind: 'go' })
    expect(order).toEqual(['a at 1000000', 'first', 'second'])
  })

  it('restarts an actor that throws, drops its timers and effects, and answers Failed for what it owed', () => {
    const { host, send, seen, traces, pass } = hostOf({
      asker,
      worker: toy({
        later: (_state, _message, env, out) => out.setTimer('t', env.now + 50, { kind: 'tick' }),
        boom: (_state, _message, env, out) => {
          out.send({ broker: 1, actor: 'asker' }, { kind: 'never' })
          throw new TypeError('broken')
        },
      }),
    })
    host.spawn('asker', 'asker', null)
    host.spawn('worker', 'worker', { place: 'log' })
    send('worker', { kind: 'later' })
    send('asker', { kind: 'go', to: 'worker', what: 'question' })
    expect(seen('worker').map(({ kind }) => kind)).toEqual(['later', 'question'])
    send('worker', { kind: 'boom' })
    host.turn()
    expect(seen('asker').map(({ kind }) => kind)).toEqual(['go', 'reply'])
    expect(seen('asker')[1]).toEqual({ kind: 'reply', id: 7, body: { kind: 'failed', reason: 'actor-crashed' } })
    expect(host.inspect('worker')).toEqual({ seen: [], args: { place: 'log' } })
    pass(1000)
    expect(seen('worker')).toEqual([])
    expect(traces.map(({ event }) => event)).toEqual(['actor-failed', 'actor-restarted'])
    expect(host.describe()).toMatchObject({ owed: 0, timers: 0, restarts: 1 })
  })

  it('tries again an actor whose ports cannot be made at its restart, and gives it up in the end', () => {
    const refused = new RangeError('no space left')
    let isFull = false
    const kind = toy({
      boom: () => {
        throw new TypeError('broken')
      },
    })
    const ports = (): object => {
      if (isFull) throw refused
      return {}
    }
    const { host, send, givenUp, pass } = hostOf({ quorum: { ...kind, ports } })
    host.spawn('quorum', 'quorum', null)
    isFull = true
    send('quorum', { kind: 'boom' })
    isFull = false
    pass(1000)
    expect(host.inspect('quorum')).toEqual({ seen: [], args: null })
    isFull = true
    send('quorum', { kind: 'boom' })
    for (let waited = 0; waited < 20; waited++) pass(1000)
    expect(givenUp).toEqual(['quorum'])
  })

  it('drops an answer to a question that an earlier life asked', () => {
    const tokens: ReplyToken[] = []
    const { host, send, seen } = hostOf({
      asker: toy({
        go: (_state, _message, env, out) =>
          out.send({ broker: 1, actor: 'slow' }, { kind: 'question', replyTo: ask(env, 1) } as Message),
        boom: () => {
          throw new TypeError('broken')
        },
      }),
      slow: toy({
        question: (_state, { replyTo }) => tokens.push(replyTo!),
        answer: (_state, _message, _env, out) => tokens.forEach((token) => out.reply(token, 'late')),
      }),
    })
    host.spawn('asker', 'asker', null)
    host.spawn('slow', 'slow', null)
    send('asker', { kind: 'go' })
    send('asker', { kind: 'boom' })
    send('asker', { kind: 'go' })
    send('slow', { kind: 'answer' })
    expect(tokens).toHaveLength(2)
    expect(seen('asker').filter(({ kind }) => kind === 'reply')).toHaveLength(1)
  })

  it('keeps messages for an actor that waits for its restart, and gives up when the budget is used up', () => {
    let broken = true
    const { host, send, seen, pass, givenUp, traces } = hostOf(
      {
        flaky: toy({
          boom: () => {
            if (broken) throw new RangeError('again')
          },
        }),
      },
      { budget: { restarts: 3, windowMs: 10_000, firstPauseMs: 0, longestPauseMs: 100 } },
    )
    host.spawn('flaky', 'flaky', null)
    send('flaky', { kind: 'boom' })
    send('flaky', { kind: 'boom' })
    send('flaky', { kind: 'kept' })
    pass(10)
    expect(seen('flaky').map(({ kind }) => kind)).toEqual(['kept'])
    send('flaky', { kind: 'boom' })
    pass(20)
    expect(givenUp).toEqual([])
    send('flaky', { kind: 'boom' })
    expect(givenUp).toEqual(['flaky'])
    expect(traces.filter(({ event }) => event === 'actor-failed').map(({ fields }) => fields.pauseMs)).toEqual([
      0,
      10,
      20,
      null,
    ])
    broken = false
  })

  it('forgets old failures', () => {
    const { host, send, pass, givenUp } = hostOf(
      {
        flaky: toy({
          boom: () => {
            throw new RangeError('again')
          },
        }),
      },
      { budget: { restarts: 1, windowMs: 1000, firstPauseMs: 0, longestPauseMs: 100 } },
    )
    host.spawn('flaky', 'flaky', null)
    for (let round = 0; round < 5; round++) {
      send('flaky', { kind: 'boom' })
      pass(1001)
    }
    expect(givenUp).toEqual([])
  })

  it('answers for an actor that does not exist, and for one that is stopped', () => {
    const { host, send, seen } = hostOf({
      asker,
      worker: toy({}),
      boss: toy({ stop: (_state, _message, _env, out) => out.stop('worker') }),
    })
    host.spawn('asker', 'asker', null)
    host.spawn('worker', 'worker', null)
    host.spawn('boss', 'boss', null)
    send('asker', { kind: 'go', to: 'nobody', what: 'question' })
    host.turn()
    send('asker', { kind: 'go', to: 'worker', what: 'question' })
    send('boss', { kind: 'stop' })
    host.turn()
    const reasons = seen('asker')
      .filter(({ kind }) => kind === 'reply')
      .map(({ body }) => (body as { reason: string }).reason)
    expect(reasons).toEqual(['no-such-actor', 'actor-crashed'])
  })

  it('fails what was asked of a broker that is gone, wherever the question was passed on to', () => {
    const sent: [number, string][] = []
    const up = new Set([2, 3])
    const remote: Remote = {
      send: (broker, actor) => sent.push([broker, actor]),
      reply() {},
      moved() {},
      isUp: (broker) => up.has(broker),
    }
    const far = toy({
      go: (_state, { broker, id }, env, out) =>
        out.send({ broker: broker as number, actor: 'x' }, {
          kind: 'question',
          replyTo: ask(env, id as number),
        } as Message),
    })
    const { host, send, seen } = hostOf({ far }, { remote })
    host.spawn('far', 'far', null)
    send('far', { kind: 'go', broker: 2, id: 1 })
    send('far', { kind: 'go', broker: 2, id: 2 })
    send('far', { kind: 'go', broker: 3, id: 3 })
    const self = { broker: 1, actor: 'far', incarnation: 1 }
    host.questionMoved(2, { ...self, id: 2 }, 3)
    host.deliverReply(3, { ...self, id: 3 }, 'answer')
    up.delete(3)
    host.brokerDown(3)
    host.turn()
    send('far', { kind: 'go', broker: 3, id: 4 })
    host.turn()
    const replies = seen('far')
      .filter(({ kind }) => kind === 'reply')
      .map(({ id, body }) => [id, body])
    const down = { kind: 'failed', reason: 'broker-down' }
    expect(replies).toEqual([
      [3, 'answer'],
      [2, down],
      [4, down],
    ])
    expect(host.describe().asked).toBe(1)
    expect(sent).toHaveLength(3)
  })

  it('passes on who is answerable, and takes back a question that is withdrawn', () => {
    const { host, send, seen } = hostOf({
      asker,
      relay: toy({ question: (_state, message, _env, out) => out.send({ broker: 1, actor: 'end' }, message) }),
      end: toy({
        boom: () => {
          throw new TypeError('broken')
        },
      }),
    })
    host.spawn('asker', 'asker', null)
    host.spawn('relay', 'relay', null)
    host.spawn('end', 'end', null)
    send('asker', { kind: 'go', to: 'relay', what: 'question' })
    expect(host.describe().owed).toBe(1)
    const token = seen('end')[0]!.replyTo
    send('end', { kind: 'unwatch', token })
    expect(host.describe().owed).toBe(0)
    send('asker', { kind: 'go', to: 'relay', what: 'question' })
    send('end', { kind: 'boom' })
    host.turn()
    expect(seen('asker').filter(({ kind }) => kind === 'reply')).toHaveLength(1)
  })

  it('replaces and cancels timers, and fires equal times in order', () => {
    const { host, send, seen, pass } = hostOf({
      a: toy({
        go: (_state, _message, env, out) => {
          out.setTimer('x', env.now + 10, { kind: 'x1' })
          out.setTimer('y', env.now + 20, { kind: 'y' })
          out.setTimer('z', env.now + 20, { kind: 'z' })
          out.setTimer('gone', env.now + 5, { kind: 'gone' })
          out.cancelTimer('gone')
          out.setTimer('x', env.now + 30, { kind: 'x2' })
        },
      }),
    })
    host.spawn('a', 'a', null)
    send('a', { kind: 'go' })
    pass(25)
    expect(seen('a').map(({ kind }) => kind)).toEqual(['go', 'y', 'z'])
    pass(5)
    expect(seen('a').map(({ kind }) => kind)).toEqual(['go', 'y', 'z', 'x2'])
  })

  it('gives each actor its own random stream, the same for the same seed', () => {
    const draws = (): number[] => {
      const numbers: number[] = []
      const { host } = hostOf({ a: toy({}, (env) => numbers.push(env.random(), env.random())) })
      host.spawn('one', 'a', null)
      host.spawn('two', 'a', null)
      return numbers
    }
    expect(draws()).toEqual(draws())
    expect(new Set(draws()).size).toBe(4)
  })
})
