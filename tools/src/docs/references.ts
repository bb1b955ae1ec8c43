/** What the documents say about the repository's files, so that a test can find what is stale. */
import { globSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { root } from '../repository.ts'

export interface Reference {
  readonly document: string
  readonly line: number
  /** A path, from the repository root or the tail of one; may be a glob. */
  readonly path: string
  /** What the file is said to declare. */
  readonly name: string | null
}

const suffixes = /\.(ts|mjs|md|txt|json|java|py)$/
const folders = /^(libs|apps|tools|test|docs)\//

export function documents(): string[] {
  return globSync('{*.md,docs/**/*.md}', { cwd: root }).sort()
}

/** `path` anywhere, and `name` (`path`), in inline code; fenced blocks are left out. */
export function referencesIn(document: string): Reference[] {
  const text = readFileSync(join(root, document), 'utf8').replace(/^```[^]*?^```/gm, (block) =>
    block.replace(/[^\n]/g, ' '),
  )
  const found: Reference[] = []
  for (const { index, 1: name = null, 2: path = '' } of text.matchAll(/(?:`(\w+)`\s+\()?`([\w@*./{},-]+)`/g)) {
    if (!suffixes.test(path) && !folders.test(path)) continue
    if (basename(path).startsWith('.')) continue
    const line = text.slice(0, index).split('\n').length
    found.push({ document, line, path, name: path.endsWith('.ts') ? name : null })
  }
  return found
}

const own = globSync('{*,.ci/*,{libs,apps,tools,test,docs}/**/*}', { cwd: root, exclude: isForeign })
function isForeign(path: string): boolean {
  return basename(path) === 'node_modules' || path.endsWith('/.vitest')
}

/** Null when the file is there and declares what it is said to. */
export function trouble({ path, name }: Reference): string | null {
  const files = path.includes('*')
    ? globSync(folders.test(path) ? path : `{libs,apps,tools,test,docs}/**/${path}`, { cwd: root, exclude: isForeign })
    : own.filter((file) => file === path.replace(/\/$/, '') || (!folders.test(path) && file.endsWith(`/${path}`)))
  if (files.length === 0) return `${path} does not exist`
  if (name === null) return null
  const declares = new RegExp(`\\b(function|const|class|interface|type) ${name}\\b|^  (async )?#?${name}\\(`, 'm')
  return files.some((file) => declares.test(readFileSync(join(root, file), 'utf8'))) ? null : `${path} has no ${name}`
}
