/** The generated parts of ARCHITECTURE.md: messages and transitions. What stands around them is written by hand. */
import { renderMessages } from './messages.ts'
import { renderTransitions } from './transitions.ts'

const parts: Record<string, () => string> = { messages: renderMessages, transitions: renderTransitions }

/** The document with its generated parts made anew. */
export function withGeneratedParts(document: string): string {
  return Object.entries(parts).reduce((text, [name, render]) => replacePart(text, name, render()), document)
}

function replacePart(document: string, name: string, text: string): string {
  const begin = `<!-- generated: ${name} (npm run generate) -->`
  const end = `<!-- end of generated ${name} -->`
  const from = document.indexOf(begin)
  const to = document.indexOf(end)
  if (from < 0 || to < from) throw new RangeError(`the document has no place for ${name}`)
  return `${document.slice(0, from)}${begin}\n\n${text}\n\n${document.slice(to)}`
}
