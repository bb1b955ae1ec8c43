/**
 * What the repository checks look at: our own TypeScript files, their imports, and their text without comments.
 */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export const root = join(import.meta.dirname, '../..')

export interface SourceFile {
  /** Path from the repository root, with forward slashes. */
  readonly path: string
  readonly text: string
}

/** Checked-in TypeScript of ours, without generated files. */
export function sourceFiles(pattern: string): SourceFile[] {
  return globSync(pattern, { cwd: root, exclude: (entry) => entry === 'node_modules' })
    .filter((path) => !path.includes('node_modules') && !path.includes('/generated/'))
    .sort()
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }))
}

/** Module specifiers of static and dynamic imports and re-exports. */
export function importsOf(file: SourceFile): string[] {
  const found = file.text.matchAll(
    /(?:^\s*(?:import|export)\b[^'"`;]*?from\s*|^\s*import\s*|\bimport\()\s*['"]([^'"]+)['"]/gm,
  )
  return [...found].map((match) => match[1]!)
}

/** The text with comments and string contents blanked, line numbers kept. */
export function codeOf(file: SourceFile): string {
  return file.text.replace(
    /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/g,
    (match) => match.replace(/[^\n]/g, ' '),
  )
}
