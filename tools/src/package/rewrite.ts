/**
 * What the compiler leaves to be done in an emitted file: `@troupe/<library>/<path>` becomes the relative path inside of
 * the package, `.ts` becomes `.js`, also in declarations and in the URLs of worker threads. Text in comments stays.
 */
import { posix } from 'node:path'

/** A module of the workspace, as `libs/wire/src/reader.ts`, or null where a specifier names something outside of it. */
export type Resolve = (specifier: string, importer: string) => string | null

export interface Rewritten {
  readonly text: string
  /** Bare specifiers that stay: packages and Node's own modules. */
  readonly external: readonly string[]
  /** Modules of the workspace that are loaded by URL, which the compiler does not follow. */
  readonly byUrl: readonly string[]
}

/** `import … from '…'`, `export … from '…'`, `import '…'`; a line of a comment begins with something else. */
const declarations = /(^[ \t]*(?:import|export)\b[^'"`;]*?\bfrom\s*|^[ \t]*import\s*)(['"])([^'"\n]+)\2/gm
/** `import('…')`, as an expression and as a type; `require('…')` is for packages that may be missing. */
const calls = /(\b(?:import|require)\()(['"])([^'"\n]+)\2(?=\))/g
const commentLine = /^[ \t]*(?:\*|\/\/|\/\*)/
/** `new URL('./thread.ts', import.meta.url)`; a template takes its ending from the file in which it stands. */
const urls = /(new URL\()(['"`])(\.[^'"`\n]+\.(?:ts|mjs)|\.[^'"`\n]+\$\{extension\})\2(,\s*import\.meta\.url\))/g

/** The path of a module of the workspace inside of `dist`: `libs/wire/src/reader.ts` is `wire/reader.ts` there. */
export function placeOf(module: string): string {
  const [, library, path] = /^(?:libs|apps)\/([^/]+)\/src\/(.+)$/.exec(module) ?? []
  if (!library) throw new Error(`${module} is no source of a library`)
  return module.startsWith('apps/') ? `app/${path}` : `${library}/${path}`
}

/** `module` is the source from which `text` was made. */
export function rewrite(text: string, module: string, resolve: Resolve): Rewritten {
  const external = new Set<string>()
  const byUrl = new Set<string>()
  const place = (target: string): string => {
    const path = posix.relative(posix.dirname(placeOf(module)), placeOf(target))
    return (path.startsWith('.') ? path : `./${path}`).replace(/\.ts$/, '.js')
  }
  const one = (before: string, quote: string, specifier: string): string => {
    const target = resolve(specifier, module)
    if (target === null) external.add(specifier)
    return `${before}${quote}${target === null ? specifier : place(target)}${quote}`
  }
  const inCode = (whole: string, at: number): boolean => !commentLine.test(whole.slice(whole.lastIndexOf('\n', at) + 1))
  const rewritten = text
    .replace(declarations, (_, before: string, quote: string, specifier: string) => one(before, quote, specifier))
    .replace(calls, (match: string, before: string, quote: string, specifier: string, at: number, whole: string) =>
      inCode(whole, at) ? one(before, quote, specifier) : match,
    )
    .replace(urls, (match: string, before: string, quote: string, path: string, after: string) => {
      const target = posix.join(posix.dirname(module), path.replace(/\.?\$\{extension\}$/, '.ts'))
      byUrl.add(target)
      if (quote === '`') return match
      return `${before}${quote}${place(target)}${quote}${after}`
    })
  return { text: rewritten, external: [...external].sort(), byUrl: [...byUrl].sort() }
}
