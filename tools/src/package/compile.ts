/**
 * From entry points to `dist`: JavaScript and declarations of every module that can be reached, made by the
 * repository's own compiler, file by file. Nothing is bundled: a stack trace names the file that a reader finds here.
 */
import { spawnSync } from 'node:child_process'
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { placeOf, rewrite } from './rewrite.ts'
import type { Workspace } from './workspace.ts'

export interface Compiled {
  /** Paths below `dist`. */
  readonly files: readonly string[]
  /** Bare specifiers of JavaScript and declarations. */
  readonly external: readonly string[]
}

/** Fills `dist` anew; `entries` are sources as `libs/client/src/shell/index.ts`. */
export function compile(workspace: Workspace, entries: readonly string[], dist: string): Compiled {
  const work = mkdtempSync(join(tmpdir(), 'troupe-build-'))
  try {
    rmSync(dist, { recursive: true, force: true })
    // Whatever is started by URL, as worker threads are, is an entry too; there may be more of them behind it.
    const known = new Set(entries)
    for (;;) {
      const compiled = pass(workspace, [...known], work, dist)
      const before = known.size
      for (const module of compiled.byUrl) known.add(module)
      if (known.size === before) return { files: compiled.files, external: compiled.external }
    }
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

interface Pass extends Compiled {
  readonly byUrl: readonly string[]
}

function pass(workspace: Workspace, modules: readonly string[], work: string, dist: string): Pass {
  const emitted = join(work, 'out')
  runCompiler(
    workspace,
    modules.filter((module) => module.endsWith('.ts')),
    work,
    emitted,
  )
  const files: string[] = []
  const external = new Set<string>()
  const byUrl = new Set<string>()
  const put = (module: string, suffix: string, text: string): void => {
    const done = rewrite(text, module, (specifier, importer) => workspace.resolve(specifier, importer))
    const path = placeOf(module).replace(/\.ts$/, suffix)
    for (const name of done.external) external.add(name)
    for (const target of done.byUrl) byUrl.add(target)
    mkdirSync(dirname(join(dist, path)), { recursive: true })
    writeFileSync(join(dist, path), done.text)
    files.push(path)
  }
  for (const path of globSync('**/*.{js,d.ts}', { cwd: emitted })) {
    const [suffix] = /(\.d\.ts|\.js)$/.exec(path)!
    put(path.replace(/(\.d\.ts|\.js)$/, '.ts'), suffix!, readFileSync(join(emitted, path), 'utf8'))
  }
  for (const module of modules.filter((path) => path.endsWith('.mjs'))) {
    put(module, '', readFileSync(join(workspace.root, module), 'utf8'))
  }
  return { files: files.sort(), external: [...external].sort(), byUrl: [...byUrl] }
}

function runCompiler(workspace: Workspace, modules: readonly string[], work: string, outDir: string): void {
  const { root } = workspace
  const project = join(work, 'tsconfig.json')
  const options = {
    noEmit: false,
    noEmitOnError: true,
    declaration: true,
    rewriteRelativeImportExtensions: true,
    // Every Node from 22 on and Deno read this; `using` is written out.
    target: 'es2023',
    outDir,
    rootDir: root,
    paths: workspace.paths(),
    typeRoots: [join(root, 'node_modules/@types')],
  }
  const files = modules.map((module) => join(root, module))
  writeFileSync(project, JSON.stringify({ extends: join(root, 'tsconfig.base.json'), compilerOptions: options, files }))
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  const { status, stdout, stderr } = spawnSync(process.execPath, [compiler, '-p', project], {
    cwd: root,
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`the compiler refuses:\n${stdout}${stderr}`)
}
