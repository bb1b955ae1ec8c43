/** `app.ts BOOTSTRAP APPLICATION_ID stateless|aggregating INPUT OUTPUT`: the benchmark's pipelines in ours. */
import { int64, string } from '@troupe/client/serdes'
import { pipeline, run } from '@troupe/pipeline'

const [bootstrap, applicationId, kind, input, output] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
]
const texts = { key: string, value: string }

const app = pipeline(applicationId, (p) => {
  const records = p.stream(input, texts)
  const results =
    kind === 'stateless'
      ? records.mapValues((value) => value.toUpperCase())
      : records
          .groupByKey(texts)
          .count({ key: string, value: int64 })
          .toStream()
          .mapValues((count) => String(count))
  results.to(output, texts)
})

const running = await run(app, {
  'bootstrap.servers': bootstrap,
  'processing.guarantee': 'exactly_once_v2',
  'auto.offset.reset': 'earliest',
})
// The benchmark ends it by closing its standard input.
process.stdin.resume().on('end', () => void running.close().then(() => process.exit(0)))
