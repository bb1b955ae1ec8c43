/** A strict reader of the XML that drawings are made of: throws at whatever is not well-formed. */

export interface XmlElement {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
}

// oxlint-disable-next-line no-control-regex
const forbidden = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]/
const tag = /<(\/?)([A-Za-z][\w-]*)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/y

export function parseXml(text: string): readonly XmlElement[] {
  if (!text.isWellFormed() || forbidden.test(text)) throw new Error('a character that XML does not have')
  const elements: XmlElement[] = []
  const open: string[] = []
  let roots = 0
  for (let at = 0; at < text.length;) {
    if (text[at] !== '<') {
      const end = text.indexOf('<', at)
      const content = text.slice(at, end === -1 ? text.length : end)
      if (open.length === 0 && content.trim() !== '') throw new Error(`text outside of the root: ${content}`)
      checkEntities(content)
      at += content.length
      continue
    }
    tag.lastIndex = at
    const found = tag.exec(text)
    if (found === null) throw new Error(`not a tag: ${text.slice(at, at + 60)}`)
    const [whole, closing, name, list, empty] = found
    at += whole.length
    if (closing === '/') {
      if (open.pop() !== name) throw new Error(`</${name!}> closes nothing`)
      continue
    }
    if (open.length === 0 && roots++ > 0) throw new Error('a second root')
    elements.push({ name: name!, attributes: attributesOf(list!) })
    if (empty === '') open.push(name!)
  }
  if (open.length > 0) throw new Error(`<${open.at(-1)!}> is not closed`)
  return elements
}

function attributesOf(list: string): Record<string, string> {
  const attributes: Record<string, string> = {}
  for (const [, name, value] of list.matchAll(/([\w:-]+)="([^"]*)"/g)) {
    if (name! in attributes) throw new Error(`attribute ${name!} twice`)
    checkEntities(value!)
    attributes[name!] = value!
  }
  return attributes
}

function checkEntities(content: string): void {
  if (/&(?!(amp|lt|gt|quot|apos|#\d+);)/.test(content)) throw new Error(`a bare & in ${content}`)
}
