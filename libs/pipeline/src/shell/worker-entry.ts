/** The other end of `WorkerThread`: imports the pipeline and runs one thread of it. */
import { parentPort, workerData } from 'node:worker_threads'
import { KafkaError } from '@troupe/client/shell/errors'
import { silentLogger } from '@troupe/client/shell/logger'
import type { Pipeline } from '../dsl/pipeline.ts'
import { LocalThread } from './local-thread.ts'
import { runProperties } from './properties.ts'
import type { FromWorker, ToWorker, WorkerData } from './worker-thread.ts'

const { module, exportName, applicationId, properties, thread, index, instance } = workerData as WorkerData

const say = (message: FromWorker): void => parentPort!.postMessage(message)

const local = new LocalThread({
  topology: (await pipelineOf()).topology({ 'application.id': applicationId }),
  properties: runProperties(properties, applicationId, silentLogger),
  thread,
  index,
  instance,
  logger: silentLogger,
  onChanged: ({ failure, ...change }) => {
    // What the pipeline threw may be anything; its text can travel.
    const plain = failure && { ...failure, cause: failure.cause === null ? null : String(failure.cause) }
    say({ kind: 'changed', change: { ...change, failure: plain } })
  },
})

parentPort!.on('message', (message: ToWorker) => {
  answer(message).then(
    (body) => say({ kind: 'answer', id: message.id, body }),
    (error: Error) => say({ kind: 'refused', id: message.id, message: error.message }),
  )
})

function answer(message: ToWorker): Promise<unknown> {
  if (message.kind === 'close') return local.close(message.timeoutMs)
  return message.kind === 'describe' ? local.describe() : local.query(message.store)
}

async function pipelineOf(): Promise<Pipeline> {
  const exported = (await import(module)) as Record<string, unknown>
  const found = exportName === undefined ? (exported.default ?? exported.app) : exported[exportName]
  if (typeof (found as Pipeline | undefined)?.topology === 'function') return found as Pipeline
  throw new KafkaError('ConfigException', `${module} exports no pipeline as ${exportName ?? 'default or app'}`)
}
