/** The error table as a source file. The meanings are our own words (`libs/wire/schema/error-meanings.json`). */
import { HEADER } from './message-file.ts'
import type { ErrorRow } from './schema.ts'

export function emitErrors(errors: ErrorRow[], meanings: Record<string, string>): string {
  const sorted = errors.toSorted((a, b) => a.code - b.code)
  const names = sorted.map(({ name, code }) => `  ${name}: ${code},\n`).join('')
  const rows = sorted.map(({ name, code, retriable }) => {
    const meaning = meanings[name]
    if (!meaning) throw new TypeError(`error-meanings.json says nothing about ${name}`)
    return `  [${code}, '${name}', ${retriable}, ${quote(meaning)}],\n`
  })
  return `${HEADER}/** Kafka's error codes: numbers on the wire, names and meanings for people. */\n`
    + `export const KafkaError = {\n${names}} as const\n\n`
    + `export type ErrorName = keyof typeof KafkaError\n\nexport type ErrorCode = (typeof KafkaError)[ErrorName]\n\n`
    + `const rows: [code: number, name: string, retriable: boolean, meaning: string][] = [\n${rows.join('')}]\n`
    + FUNCTIONS
}

function quote(text: string): string {
  return text.includes(`'`) ? JSON.stringify(text) : `'${text}'`
}

const FUNCTIONS = `
const byCode = new Map(rows.map((row) => [row[0], row]))
const unknown = byCode.get(-1)!

/** Clients read a code they do not know as UNKNOWN_SERVER_ERROR; so do we. */
export function errorName(code: number): string {
  return (byCode.get(code) ?? unknown)[1]
}

/** Whether a client may send the same request again and hope for better. */
export function isRetriable(code: number): boolean {
  return (byCode.get(code) ?? unknown)[2]
}

export function errorMessage(code: number): string {
  return (byCode.get(code) ?? unknown)[3]
}
`
