/** The generated parts of the documents. What stands around them is written by hand. */
import { renderDifferences } from './differences.ts'
import { renderMessages } from './messages.ts'
import { renderTransitions } from './transitions.ts'

/** By document: name of the part, and what makes it. COMPATIBILITY.md has one more, which the broker makes (`apis`). */
export const generatedParts: Readonly<Record<string, Readonly<Record<string, () => string>>>> = {
  'ARCHITECTURE.md': { messages: renderMessages, transitions: renderTransitions },
  'COMPATIBILITY.md': { answers: renderDifferences },
}

/** The document with its generated parts made anew. */
export function withGeneratedParts(file: string, text: string): string {
  const parts = Object.entries(generatedParts[file] ?? {})
  return parts.reduce((before, [name, render]) => replacePart(before, name, render()), text)
}

function replacePart(document: string, name: string, text: string): string {
  const begin = `<!-- generated: ${name} (npm run generate) -->`
  const end = `<!-- end of generated ${name} -->`
  const from = document.indexOf(begin)
  const to = document.indexOf(end)
  if (from < 0 || to < from) throw new RangeError(`the document has no place for ${name}`)
  return `${document.slice(0, from)}${begin}\n\n${text}\n\n${document.slice(to)}`
}
