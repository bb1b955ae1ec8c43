/**
 * Reads EDN, the notation of Clojure, as far as histories need it: nil, booleans, numbers, strings, keywords, symbols,
 * vectors, lists, sets, maps, tagged values (the tag is dropped), comments and `#_`.
 */

export interface Keyword {
  readonly keyword: string
}

export type Edn = null | boolean | number | string | Keyword | readonly Edn[] | EdnMap

/** A map, as its entries in order; keys may be anything. */
export interface EdnMap {
  readonly entries: readonly (readonly [Edn, Edn])[]
}

/** What is wrong with a text, and where. */
export class EdnError extends Error {
  readonly line: number

  constructor(message: string, line: number) {
    super(`line ${line}: ${message}`)
    this.line = line
  }
}

export function isKeyword(value: Edn | undefined): value is Keyword {
  return typeof value === 'object' && value !== null && 'keyword' in value
}

export function isMap(value: Edn | undefined): value is EdnMap {
  return typeof value === 'object' && value !== null && 'entries' in value && !Array.isArray(value)
}

export function isVector(value: Edn | undefined): value is readonly Edn[] {
  return Array.isArray(value)
}

/** Entry of a map under a keyword. */
export function field(map: EdnMap, name: string): Edn | undefined {
  return map.entries.find(([key]) => isKeyword(key) && key.keyword === name)?.[1]
}

/** Per character code below 128: what separates, and what ends a word. Looked up millions of times. */
const isSpace = table(' \t\n\r\f\v,')
const endsWord = table(' \t\n\r\f\v,()[]{}";')

function table(characters: string): Uint8Array {
  const codes = new Uint8Array(128)
  for (const character of characters) codes[character.charCodeAt(0)] = 1
  return codes
}

export class EdnReader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  /** The next value, undefined at the end of the text. */
  next(): Edn | undefined {
    this.#skip()
    return this.#at >= this.#text.length ? undefined : this.#value()
  }

  get line(): number {
    return this.#text.slice(0, this.#at).split('\n').length
  }

  #fail(message: string): never {
    throw new EdnError(message, this.line)
  }

  #skip(): void {
    for (; this.#at < this.#text.length; this.#at++) {
      const char = this.#text[this.#at]!
      if (char === ';') {
        const end = this.#text.indexOf('\n', this.#at)
        this.#at = end === -1 ? this.#text.length - 1 : end
      } else if (char === '#' && this.#text[this.#at + 1] === '_') {
        this.#at += 2
        this.#skip()
        this.#value()
        this.#at--
      } else if (isSpace[char.charCodeAt(0)] !== 1) {
        return
      }
    }
  }

  #value(): Edn {
    const char = this.#text[this.#at]
    switch (char) {
      case undefined:
        return this.#fail('the text ends in the middle of a value')
      case '[':
        return this.#sequence(']')
      case '(':
        return this.#sequence(')')
      case '{':
        return this.#map()
      case '"':
        return this.#string()
      case '#':
        return this.#tagged()
      case ']':
      case ')':
      case '}':
        return this.#fail(`unexpected ${char}`)
      default:
        return this.#atom()
    }
  }

  #sequence(close: string): readonly Edn[] {
    this.#at++
    const items: Edn[] = []
    for (;;) {
      this.#skip()
      if (this.#text[this.#at] === close) {
        this.#at++
        return items
      }
      items.push(this.#value())
    }
  }

  #map(): EdnMap {
    const items = this.#sequence('}')
    if (items.length % 2 === 1) this.#fail('a map has a key without a value')
    const entries: [Edn, Edn][] = []
    for (let i = 0; i < items.length; i += 2) entries.push([items[i]!, items[i + 1]!])
    return { entries }
  }

  #tagged(): Edn {
    this.#at++
    if (this.#text[this.#at] === '{') return this.#sequence('}')
    this.#word()
    this.#skip()
    return this.#value()
  }

  #string(): string {
    let value = ''
    for (this.#at++; this.#at < this.#text.length; this.#at++) {
      const char = this.#text[this.#at]!
      if (char === '"') {
        this.#at++
        return value
      }
      if (char !== '\\') value += char
      else value += escapes.get(this.#text[++this.#at]!) ?? this.#fail('unknown escape in a string')
    }
    return this.#fail('a string is not closed')
  }

  #word(): string {
    const from = this.#at
    while (this.#at < this.#text.length && endsWord[this.#text.charCodeAt(this.#at)] !== 1) this.#at++
    return this.#text.slice(from, this.#at)
  }

  #atom(): Edn {
    const word = this.#word()
    if (word === 'nil') return null
    if (word === 'true' || word === 'false') return word === 'true'
    if (word.startsWith(':')) return { keyword: word.slice(1) }
    const number = Number(/[NM]$/.test(word) ? word.slice(0, -1) : word)
    return Number.isNaN(number) ? word : number
  }
}

const escapes = new Map([
  ['"', '"'],
  ['\\', '\\'],
  ['n', '\n'],
  ['t', '\t'],
  ['r', '\r'],
])
