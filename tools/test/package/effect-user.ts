/** What somebody writes who has installed the client and Effect; `node effect-user.js BOOTSTRAP PREFIX`. */
import { serdes } from '@troupe/client'
import { KafkaClient, makeConsumer, makeProducer } from '@troupe/client/effect'
import { Effect, Stream } from 'effect'

const [bootstrap, prefix] = process.argv.slice(2) as [string, string]
const topic = `${prefix}-effect`
const count = 20

const program = Effect.gen(function* () {
  const producer = yield* makeProducer(
    { 'transactional.id': `${prefix}-effect` },
    { key: serdes.string, value: serdes.int32 },
  )
  const send = Effect.forEach(
    Array.from({ length: count }, (_, n) => n),
    (n) => producer.send({ topic, key: 'k', value: n }),
  )
  const refused = yield* Effect.flip(producer.transaction(Effect.andThen(send, Effect.fail('on purpose' as const))))
  yield* producer.transaction(send)
  const consumer = yield* makeConsumer(
    { 'group.id': `${prefix}-effect`, 'auto.offset.reset': 'earliest', 'isolation.level': 'read_committed' },
    { key: serdes.string, value: serdes.int32 },
  )
  yield* consumer.subscribe([topic])
  const values = yield* Stream.runCollect(
    Stream.take(
      Stream.map(consumer.records, ({ value }) => value),
      count,
    ),
  )
  return { refused: typeof refused === 'string' ? refused : refused._tag, values: [...values] }
})

const result = await Effect.runPromise(
  Effect.scoped(program).pipe(Effect.provide(KafkaClient.layer({ 'bootstrap.servers': bootstrap }))),
)
console.log(JSON.stringify(result))
