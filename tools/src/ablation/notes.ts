/** Why mutants live: what people found out, in notes.txt, beside the guard's text so that line numbers may move. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Note {
  readonly file: string
  /** As the table shows it. */
  readonly text: string
  /** null: both. */
  readonly to: boolean | null
  readonly why: string
}

let known: readonly Note[] | null = null

export function noteOn(file: string, text: string, to: boolean): string | null {
  known ??= parseNotes(readFileSync(join(import.meta.dirname, 'notes.txt'), 'utf8'))
  return known.find((note) => note.file === file && note.text === text && (note.to ?? to) === to)?.why ?? null
}

/** A head line, then blocks: a file, and indented below it `guard :: true|false|both :: why`. */
export function parseNotes(source: string): Note[] {
  const notes: Note[] = []
  let file = ''
  for (const line of source.split('\n').slice(1)) {
    if (!line.startsWith(' ')) {
      file = line
      continue
    }
    const [text, to, why] = line.trim().split(' :: ')
    if (why === undefined || !['true', 'false', 'both'].includes(to!)) throw new SyntaxError(`not a note: ${line}`)
    notes.push({ file, text: text!, to: to === 'both' ? null : to === 'true', why })
  }
  return notes
}
