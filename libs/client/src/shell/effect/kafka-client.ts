/** The connections that an application's producers, consumers and admins share, as a layer. */
import { Context, Effect, Layer } from 'effect'
import { ClientNode } from '../client-node.ts'
import type { Connector } from '../connector.ts'
import type { Logger } from '../logger.ts'
import type { Properties } from '../property.ts'
import { attempt, type KafkaFailure } from './failure.ts'

export interface KafkaClientOptions {
  /** Default: TCP and TLS. */
  readonly connector?: Connector
  readonly logger?: Logger
}

export interface KafkaClientService {
  readonly node: ClientNode
  /** `bootstrap.servers`, security, time-outs: what holds for whatever runs on this node. */
  readonly properties: Properties
}

export class KafkaClient extends Context.Service<KafkaClient, KafkaClientService>()(
  '@troupe/client/effect/KafkaClient',
) {
  static layer(properties: Properties, options: KafkaClientOptions = {}): Layer.Layer<KafkaClient, KafkaFailure> {
    const open = attempt(() => new ClientNode({ ...options, properties }))
    const node = Effect.acquireRelease(open, (opened) => Effect.sync(() => opened.close()))
    return Layer.effect(
      KafkaClient,
      Effect.map(node, (opened) => ({ node: opened, properties })),
    )
  }
}
