/** The model of docs/lab.md: a lease that passes from holder to holder, and writes that arrive late. */
import type { ActorDefinition, Message } from '@troupe/actor'
import { actorModel, type ActorModel, type World } from '@troupe/simulator/model/index'

interface Write extends Message {
  readonly kind: 'write'
  readonly epoch: number
}

interface Store {
  epoch: number
  readonly written: number[]
}

/** Takes what the holder of the lease writes. An earlier holder may still believe that it is the one. */
const store = (isFenced: boolean): ActorDefinition<Store, Write> => ({
  kind: 'store',
  start: () => ({ epoch: 0, written: [] }),
  step(state, { epoch }) {
    if (isFenced && epoch < state.epoch) return
    state.epoch = epoch
    state.written.push(epoch)
  },
})

interface Ghost {
  granted: number
  sent: number
}

export const leaseModel = (isFenced: boolean): ActorModel<Ghost> =>
  actorModel<Ghost>({
    name: 'lease',
    title: 'A lease that passes from holder to holder, and writes that arrive late',
    defaultBounds: { holders: 2, writes: 3 },
    cells: () => [{ node: 1, name: 'store', definition: store(isFenced) }],
    ghost: () => ({ granted: 1, sent: 0 }),
    choices: ({ holders, writes }) => [
      {
        label: 'grant',
        type: 'fault',
        enabled: ({ ghost }) => ghost.granted < holders!,
        apply: (world) => void world.edit().granted++,
      },
      ...Array.from({ length: holders! }, (_, at) => ({
        label: `write c${at + 1}`,
        type: 'client' as const,
        enabled: ({ ghost }: World<Ghost>) => ghost.granted > at && ghost.sent < writes!,
        apply(world: World<Ghost>) {
          world.edit().sent++
          world.send(101 + at, { broker: 1, actor: 'store' }, { kind: 'write', epoch: at + 1 } as Write)
        },
      })),
    ],
    check(world) {
      const { written } = world.state<Store>(1, 'store')!
      const late = written.findIndex((epoch, at) => at > 0 && epoch < written[at - 1]!)
      return late < 0 ? null : { invariant: 'F1', detail: `${written.join(', ')}: write ${late + 1} is fenced` }
    },
    witnesses: (world) => (world.state<Store>(1, 'store')!.epoch > 1 ? ['a second holder wrote'] : []),
    detail: (message) => `epoch=${(message as Write).epoch}`,
  })
