/** The admin as effects: each of its methods, with the error in the error channel. */
import { Context, Effect, Layer } from 'effect'
import { Admin as PromiseAdmin } from '../admin.ts'
import { attempt, type KafkaFailure } from './failure.ts'
import { KafkaClient } from './kafka-client.ts'

type Effectful<Method> = Method extends (...args: infer Args) => PromiseLike<infer A>
  ? (...args: Args) => Effect.Effect<A, KafkaFailure>
  : never

type Methods = Exclude<keyof PromiseAdmin, 'node' | 'close' | symbol>

export type AdminService = { readonly [Name in Methods]: Effectful<PromiseAdmin[Name]> } & {
  /** For what needs the Promise face: `use((admin) => admin.createTopics(topics).settled())`. */
  use<A>(call: (admin: PromiseAdmin) => A | PromiseLike<A>): Effect.Effect<A, KafkaFailure>
}

export class Admin extends Context.Service<Admin, AdminService>()('@troupe/client/effect/Admin') {
  static readonly layer: Layer.Layer<Admin, KafkaFailure, KafkaClient> = Layer.effect(
    Admin,
    Effect.gen(function* () {
      const { node, properties } = yield* KafkaClient
      const admin = yield* attempt(() => new PromiseAdmin(properties, { node }))
      return effectful(admin)
    }),
  )
}

function effectful(admin: PromiseAdmin): AdminService {
  const service: Record<string, unknown> = {
    use: (call: (admin: PromiseAdmin) => unknown) => attempt(() => call(admin)),
  }
  const methods = admin as unknown as Record<string, (...args: unknown[]) => unknown>
  for (const name of Object.getOwnPropertyNames(PromiseAdmin.prototype)) {
    if (name === 'constructor' || name === 'close') continue
    service[name] = (...args: unknown[]) => attempt(() => methods[name]!(...args))
  }
  return service as AdminService
}
