/**
 * All generated files of the repository, as path → text. Nothing but the schemas in `libs/wire/schema` goes in,
 * so a test can compare the result with what is committed.
 */
import { emitErrors } from './errors.ts'
import { HEADER, emitCodecFile, emitTypeFile } from './message-file.ts'
import { loadErrorMeanings, loadErrors, loadMessages, type Message } from './schema.ts'
import { apiFiles, emitApis, emitCoordinatorTables, emitMessagesIndex, emitMetadataTable } from './tables.ts'

export { HEADER }

export function generateAll(): Map<string, string> {
  const messages = loadMessages()
  const apis = apiFiles(messages)
  const ofType = (...types: Message['type'][]): Message[] => messages.filter(({ type }) => types.includes(type))
  const metadata = ofType('metadata')
  const coordinator = ofType('coordinator-key', 'coordinator-value')

  const groups: [file: string, messages: Message[]][] = [
    ...apis.map(({ file, request, response }): [string, Message[]] => [file, [request, response]]),
    ['headers', ofType('header')],
    ['data', ofType('data')],
    ['metadata-records', metadata],
    ['coordinator-records', coordinator],
  ]
  const files = new Map<string, string>()
  for (const [file, messages] of groups) {
    files.set(file, emitCodecFile(messages, file))
    files.set(`types/${file}`, emitTypeFile(messages))
  }
  files.set('metadata-record-table', emitMetadataTable(metadata))
  files.set('coordinator-record-table', emitCoordinatorTables(coordinator))

  const source = 'libs/wire/src'
  return new Map([
    ...[...files].map(([file, text]): [string, string] => [`${source}/generated/${file}.ts`, text]),
    [`${source}/generated/messages.ts`, emitMessagesIndex(groups.map(([file]) => file))],
    [`${source}/generated/apis.ts`, emitApis(apis)],
    [`${source}/generated/errors.ts`, emitErrors(loadErrors(), loadErrorMeanings())],
  ])
}
