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
  return (
    `${HEADER}export const KafkaError = {\n${names}} as const\n\n` +
    `export const errorRows: [code: number, name: string, retriable: boolean, meaning: string][] = [\n${rows.join('')}]\n`
  )
}

function quote(text: string): string {
  return text.includes(`'`) ? JSON.stringify(text) : `'${text}'`
}
