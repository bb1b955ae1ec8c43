/**
 * The repository's own rules: imports point one way, core libraries cannot reach the world, files stay readable.
 */
import { describe, expect, test } from 'vitest'
import { codeOf, importsOf, sourceFiles, type SourceFile } from '../src/repository.ts'

/** What each library may import, in the order in which they build on each other. */
const allowed: Record<string, readonly string[]> = {
  wire: [],
  actor: ['wire'],
  config: ['wire'],
  log: ['wire', 'actor', 'config'],
  replication: ['wire', 'actor', 'config', 'log', 'controller', 'transactions'],
  controller: ['wire', 'actor', 'config', 'log', 'replication'],
  coordinator: ['wire', 'actor', 'config', 'log', 'replication', 'controller'],
  groups: ['wire', 'actor', 'config', 'log', 'replication', 'controller', 'coordinator'],
  transactions: ['wire', 'actor', 'config', 'log', 'replication', 'controller', 'coordinator', 'groups'],
  broker: ['wire', 'actor', 'config', 'log', 'replication', 'controller', 'coordinator', 'groups', 'transactions'],
  client: ['wire', 'actor', 'config'],
  pipeline: ['wire', 'actor', 'config', 'client'],
}
// The simulator runs all of them.
allowed.simulator = Object.keys(allowed)

/** Edges that exist for the types of messages only: what is said to a neighbour, never its code. */
const messagesOnly = new Set([
  'replication→controller',
  'replication→transactions',
  'controller→replication',
  'transactions→groups',
])

/** Pure packages that core libraries may use. */
const purePackages = new Set(['re2js'])

/** Sockets, Promises and clocks: a client's and a pipeline's public face. */
const isShellFile = (path: string): boolean => path.endsWith('.node.ts') || path.includes('/src/shell/')
const core = Object.keys(allowed)
  .flatMap((library) => sourceFiles(`libs/${library}/src/**/*.ts`))
  .filter((file) => !isShellFile(file.path))

function libraryOf(path: string): string {
  return path.split('/')[1]!
}

/** What is wrong with each file, one line per offence; [] is the only good answer. */
function offences(files: readonly SourceFile[], check: (file: SourceFile) => string[]): string[] {
  return files.flatMap((file) => check(file).map((offence) => `${file.path}: ${offence}`))
}

test('imports point one way', () => {
  const wrong = offences(core, (file) =>
    importsOf(file).flatMap((specifier) => {
      const library = libraryOf(file.path)
      const [, other, inner] = /^@troupe\/([^/]+)(?:\/(.+))?$/.exec(specifier) ?? []
      if (!other || other === library) return []
      if (!allowed[library]!.includes(other)) return [`${library} may not import ${specifier}`]
      if (messagesOnly.has(`${library}→${other}`) && inner !== 'messages')
        return [`only the messages of ${other}, not ${specifier}`]
      return []
    }),
  )
  expect(wrong).toEqual([])
})

test('core libraries cannot reach the world', () => {
  const words = 'Date Math\\.random set(Timeout|Interval|Immediate) queueMicrotask Promise async await Buffer'
  const banned = new RegExp(`\\b(${words.replaceAll(' ', '|')})\\b|\\b(process|performance|console)\\.`)
  const wrong = offences(core, (file) => [
    ...importsOf(file)
      .filter((specifier) => !/^(\.|@troupe\/)/.test(specifier) || /\.node(\.ts)?$|\/shell\//.test(specifier))
      .filter((specifier) => !purePackages.has(specifier))
      .map((specifier) => `imports ${specifier}`),
    ...codeOf(file)
      .split('\n')
      .flatMap((line, index) => (banned.test(line) ? [`line ${index + 1}: ${line.trim()}`] : [])),
  ])
  expect(core.length).toBeGreaterThan(50)
  expect(wrong).toEqual([])
})

describe('files are of a sane size', () => {
  const own = [
    ...sourceFiles('libs/*/{src,test}/**/*.ts'),
    ...sourceFiles('apps/*/{src,test}/**/*.ts'),
    ...sourceFiles('{tools,test}/**/*.ts'),
  ]
  test('no file is over 500 lines', () => {
    const long = own
      .map((file) => [file.path, file.text.split('\n').length] as const)
      .filter(([, lines]) => lines > 500)
    expect(long).toEqual([])
  })
  test('no line is over 140 columns', () => {
    const long = own.flatMap((file) =>
      file.text.split('\n').flatMap((line, index) => (line.length > 140 ? [`${file.path}:${index + 1}`] : [])),
    )
    expect(long).toEqual([])
  })
  test('no source names a machine path', () => {
    const named = own.filter((file) => /\/(work|root)\/[a-z]/.test(file.text)).map((file) => file.path)
    expect(named.filter((path) => path !== 'tools/test/tidy.test.ts')).toEqual([])
  })
})
