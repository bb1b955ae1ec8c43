/**
 * `npm test`: type check, lint, then every project's tests through nx, closed by one line made from their reports.
 *
 * Projects run one after the other: on two cores parallel suites of real processes would only slow each other.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, globSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'

const root = join(import.meta.dirname, '../../..')
const modules = join(root, 'node_modules')
const only = process.argv.slice(2)

interface Report {
  numPassedTests: number
  numFailedTests: number
  numPendingTests: number
  numTodoTests: number
  testResults: { status: string; name: string; message: string; assertionResults: unknown[] }[]
}

let passed = 0
let failed = 0
let skipped = 0

function check(name: string, command: string, args: string[]): void {
  console.log(`\n── ${name}`)
  const { status } = spawnSync(process.execPath, [join(modules, command), ...args], { cwd: root, stdio: 'inherit' })
  if (status === 0) passed++
  else {
    failed++
    console.log(`${name} failed`)
  }
}

/** Every package with a `test` script, in nx's order. */
function projects(): string[] {
  return globSync(
    ['libs/*/package.json', 'apps/*/package.json', 'examples/package.json', 'tools/package.json', 'test/package.json'],
    {
      cwd: root,
    },
  )
    .filter((path) => JSON.parse(readFileSync(join(root, path), 'utf8')).scripts?.test)
    .map(dirname)
}

function countReport(project: string): void {
  const path = join(root, project, '.vitest/report.json')
  if (!existsSync(path)) {
    failed++
    console.log(`${project}: the tests left no report`)
    return
  }
  const report = JSON.parse(readFileSync(path, 'utf8')) as Report
  passed += report.numPassedTests
  failed += report.numFailedTests
  skipped += report.numPendingTests + report.numTodoTests
  // A file that fails to load has no failed test of its own.
  for (const file of report.testResults) {
    if (file.status === 'failed' && report.numFailedTests === 0) {
      failed++
      console.log(`${file.name}: ${file.message}`)
    }
  }
}

const all = projects()
const chosen = only.length > 0 ? all.filter((project) => only.some((name) => project.endsWith(name))) : all
for (const project of all) rmSync(join(root, project, '.vitest'), { recursive: true, force: true })

if (only.length === 0) {
  check('types', 'typescript/bin/tsc', ['--noEmit', '-p', 'tsconfig.json'])
  check('lint', 'oxlint/bin/oxlint', ['--deny-warnings'])
}

const names = chosen.map((project) => JSON.parse(readFileSync(join(root, project, 'package.json'), 'utf8')).name)
const nx = spawnSync(
  process.execPath,
  [
    join(modules, 'nx/dist/bin/nx.js'),
    'run-many',
    '-t',
    'test',
    '--parallel=1',
    '--nxBail=false',
    '--outputStyle=stream',
    `--projects=${names.join(',')}`,
  ],
  { cwd: root, stdio: 'inherit', env: { ...process.env, NX_DAEMON: 'false', NX_TUI: 'false', NX_NO_CLOUD: 'true' } },
)
for (const project of chosen) countReport(project)
if (nx.status !== 0 && failed === 0) failed++

console.log(`\n${passed} passed, ${failed} failed, ${skipped} skipped`)
process.exit(failed === 0 ? 0 : 1)
