/**
 * A page as something to be done: its fenced blocks in order. `ts file=NAME` is a file, `sh` are commands, `sh output`
 * is a command behind `$` with what it prints, `sh terminal` runs until the end beside the others.
 */

export type PageStep =
  | { readonly kind: 'file'; readonly line: number; readonly name: string; readonly text: string }
  | { readonly kind: 'shell'; readonly line: number; readonly script: string }
  | {
      readonly kind: 'output'
      readonly line: number
      readonly command: string
      readonly output: string
      readonly exit: number
    }
  | { readonly kind: 'terminal'; readonly line: number; readonly command: string }

export class UnknownBlock extends Error {}

export function stepsOf(markdown: string): PageStep[] {
  return [...markdown.matchAll(/^```([^\n]+)\n([^]*?)^```$/gm)].map(({ index, 1: info = '', 2: text = '' }) => {
    const line = markdown.slice(0, index).split('\n').length
    const [language, first = '', ...rest] = info.split(' ')
    const [, name] = /^file=(.+)$/.exec(first) ?? []
    if (name !== undefined) return { kind: 'file', line, name, text }
    if (language !== 'sh') throw new UnknownBlock(`line ${line}: nobody knows what to do with a block of ${info}`)
    if (first === '') return { kind: 'shell', line, script: text }
    if (first === 'terminal') return { kind: 'terminal', line, command: text.trim() }
    const [, command] = /^\$ (.+)\n/.exec(text) ?? []
    if (first !== 'output' || command === undefined) throw new UnknownBlock(`line ${line}: a block of ${info}`)
    const exit = Number(/^exit=(\d+)$/.exec(rest[0] ?? 'exit=0')?.[1])
    return { kind: 'output', line, command, output: text.slice(text.indexOf('\n') + 1), exit }
  })
}

/** `…` stands for anything: within a line for some of it, alone for lines. */
export function matcherOf(output: string): RegExp {
  const lines = output.trimEnd().split('\n')
  const parts = lines.map((line) => (line === '…' ? '(?:.*\\n)*?' : `${line.split('…').map(escaped).join('.*')}.*\\n`))
  return new RegExp(`^(?:.*\\n)*?${parts.join('')}`)
}

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
