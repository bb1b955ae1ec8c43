/** The tables over generated codecs: APIs by key, metadata records by key, coordinator records by type. */
import { HEADER } from './message-file.ts'
import type { Message } from './schema.ts'
import { isEmpty } from './versions.ts'

export interface ApiFile {
  key: number
  /** `Produce` */
  name: string
  /** `00-produce` */
  file: string
  request: Message
  response: Message
}

export function apiFiles(messages: Message[]): ApiFile[] {
  const byType = (type: Message['type']): Message[] => messages.filter((message) => message.type === type)
  const responses = new Map(byType('response').map((message) => [message.apiKey, message]))
  return byType('request')
    .sort((a, b) => a.apiKey - b.apiKey)
    .map((request) => {
      const name = request.name.replace(/Request$/, '')
      const kebab = name.replace(/([a-z0-9])([A-Z])/g, '$1-$2').toLowerCase()
      const file = `${String(request.apiKey).padStart(2, '0')}-${kebab}`
      return { key: request.apiKey, name, file, request, response: responses.get(request.apiKey)! }
    })
}

export function emitMessagesIndex(files: string[]): string {
  const lines = files.map((file) => `export * from './${file}.ts'\n`).join('')
  return `${HEADER}${lines}`
}

export function emitApis(apis: ApiFile[]): string {
  const imports = apis.map(
    ({ name, file }) =>
      `import {\n  decode${name}Request, decode${name}Response, encode${name}Request, encode${name}Response,\n` +
      `} from './${file}.ts'\n`,
  )
  const rows = apis.map(({ key, name, request, response }) => {
    const { low, high } = request.versions
    const flexibleFrom = isEmpty(request.flexible) ? 'NEVER_FLEXIBLE' : request.flexible.low
    const listeners = `[${request.listeners.map((listener) => `'${listener}'`).join(', ')}]`
    if (response.versions.low !== low || response.versions.high !== high)
      throw new TypeError(`${name}: versions differ`)
    return (
      `  row(${key}, '${name}', ${listeners}, ${low}, ${high}, ${request.latestVersionUnstable}, ${flexibleFrom},\n` +
      `    decode${name}Request, encode${name}Request, decode${name}Response, encode${name}Response),\n`
    )
  })
  return (
    `${HEADER}import { NEVER_FLEXIBLE, apiSpec as row, type ApiSpec } from '../api-spec.ts'\n${imports.join('')}\n` +
    `export const apiSpecs: readonly ApiSpec[] = [\n${rows.join('')}]\n`
  )
}

function codec(message: Message): string {
  const { low, high } = message.versions
  return (
    `{ name: '${message.name}', apiKey: ${message.apiKey}, minVersion: ${low}, maxVersion: ${high},\n` +
    `    decode: decode${message.name}, encode: encode${message.name} }`
  )
}

function codecImports(messages: Message[], file: string): string {
  const names = messages.flatMap(({ name }) => [`decode${name}`, `encode${name}`])
  return `import {\n${names.map((name) => `  ${name},\n`).join('')}} from './${file}.ts'\n`
}

const CODEC_TYPE = `import type { RecordCodec } from '../record-codec.ts'\n`

export function emitMetadataTable(messages: Message[]): string {
  const rows = messages.map((message) => `  ${codec(message)},\n`).join('')
  return (
    `${HEADER}${CODEC_TYPE}${codecImports(messages, 'metadata-records')}\n` +
    `export const metadataRecords: readonly RecordCodec[] = [\n${rows}]\n`
  )
}

const COORDINATORS = [
  ['groupRecords', 'group-coordinator'],
  ['transactionRecords', 'transaction-coordinator'],
  ['shareRecords', 'share-coordinator'],
] as const

export function emitCoordinatorTables(messages: Message[]): string {
  const tables = COORDINATORS.map(([table, module]) => {
    const own = messages.filter((message) => message.module === module)
    const keys = own.filter(({ type }) => type === 'coordinator-key').sort((a, b) => a.apiKey - b.apiKey)
    const rows = keys.map((key) => {
      const value = own.find(({ type, apiKey }) => type === 'coordinator-value' && apiKey === key.apiKey)!
      return `  {\n    type: ${key.apiKey},\n    key: ${codec(key)},\n    value: ${codec(value)},\n  },\n`
    })
    return `export const ${table}: readonly CoordinatorRecordCodec[] = [\n${rows.join('')}]\n`
  })
  return (
    `${HEADER}import type { CoordinatorRecordCodec } from '../record-codec.ts'\n` +
    `${codecImports(messages, 'coordinator-records')}\n${tables.join('\n')}`
  )
}
