/**
 * The newcomer's page, typed as it stands, in a directory outside of the repository. What is exchanged: the clone is a copy
 * of this checkout, and the brokers take free ports instead of 9092, which may be somebody's.
 */
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { afterAll, expect, test } from 'vitest'
import { until } from '../src/cluster.ts'
import { matcherOf, stepsOf, type PageStep } from '../src/docs/steps.ts'
import { cloneWorkspace } from '../src/package/clone.ts'
import { npmInstall } from '../src/package/registry.ts'
import { startApacheKafka, type ApacheKafka } from '../src/reference/apache-kafka.ts'
import { kafkaClasspath } from '../src/reference/maven.ts'
import { root } from '../src/repository.ts'

const steps = stepsOf(readFileSync(join(root, 'docs/first-pipeline.md'), 'utf8'))
const directory = mkdtempSync(join(tmpdir(), 'troupe-newcomer-'))
const terminals: { readonly stop: () => Promise<void> }[] = []
/** Where the reader is; and what he types for 127.0.0.1:9092. */
let here = directory
let bootstrap = ''

// What our own start and the test's runner have put there is not the newcomer's.
const ours = new Set(['NODE_OPTIONS', 'NODE_COMPILE_CACHE', 'NODE_ENV', 'VITEST'])
const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.has(name)))
const env = {
  ...inherited,
  PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
  KAFKA_LISTENERS: 'PLAINTEXT://127.0.0.1:0',
  KAFKA_TROUPE_ADMIN_PORT: '0',
}

afterAll(async () => {
  for (const terminal of terminals) await terminal.stop()
  rmSync(directory, { recursive: true, force: true, maxRetries: 5 })
})

function type(script: string): { code: number | null; text: string } {
  const typed = script.replaceAll('127.0.0.1:9092', bootstrap)
  const where = join(directory, '.where')
  const { status, stdout, stderr } = spawnSync('bash', ['-c', `set -e\n${typed}\npwd > '${where}'`], {
    cwd: here,
    env,
    encoding: 'utf8',
    timeout: 240_000,
  })
  if (status === 0) here = readFileSync(where, 'utf8').trim()
  return { code: status, text: `${stdout}${stderr}` }
}

async function open(command: string): Promise<void> {
  const child = spawn('bash', ['-c', `exec ${command}`], { cwd: here, env, detached: true })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (more) => (text += more))
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  terminals.push({
    stop: async () => {
      // npx has children, and a terminal's Ctrl-C reaches all of them.
      if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid!, 'SIGINT')
      await ended
    },
  })
  const ready = /troupe ready bootstrap\.servers=([^,\s]+)/
  await until(
    () => ready.test(text),
    60_000,
    () => `${command}: ${text}`,
  )
  bootstrap = ready.exec(text)![1]!
}

async function doStep(step: PageStep): Promise<void> {
  const at = `line ${step.line}`
  switch (step.kind) {
    case 'file':
      return writeFileSync(join(here, step.name), step.text)
    case 'terminal':
      return open(step.command)
    case 'shell': {
      const { code, text } = type(step.script)
      return expect({ at, code, text: code === 0 ? '' : text }).toEqual({ at, code: 0, text: '' })
    }
    case 'output': {
      const { code, text } = type(step.command)
      expect({ at, code, text: code === step.exit ? '' : text }).toEqual({ at, code: step.exit, text: '' })
      return expect(stripVTControlCharacters(text), at).toMatch(matcherOf(step.output))
    }
  }
}

test('every step of the page does what it says', async ({ skip }) => {
  const reason = npmInstall(mkdtempSync(join(directory, 'probe-')), ['effect@4.1.0'])
  if (reason !== null) return skip(reason.skipped)
  cloneWorkspace(root, join(directory, 'troupe'))
  expect(steps.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['file', 'shell', 'output', 'terminal']))
  for (const step of steps) await doStep(step)
})

test('and on Apache Kafka nothing changes but the address', async ({ skip }) => {
  const classpath = kafkaClasspath()
  if (typeof classpath !== 'string') return skip(classpath.skipped)
  const live = steps.find((step) => step.kind === 'output' && step.command.startsWith('node live.ts'))
  if (live?.kind !== 'output' || here === directory) return expect.fail('the page was not followed to its end')
  const data = join(directory, 'kafka')
  mkdirSync(data)
  const kafka: ApacheKafka = await startApacheKafka({ classpath, directory: data, nodes: 1 })
  try {
    bootstrap = kafka.bootstrap
    await doStep(live)
  } finally {
    await kafka.stop()
  }
})

test('what is shown is compared, but for what is left out', () => {
  const matches = (output: string, text: string): boolean => matcherOf(output).test(text)
  expect(matches('a …ms\n…\nlast\n', 'before\na 12ms\nx\ny\nlast (1)\n')).toBe(true)
  expect(matches('one\ntwo\n', 'one\nbetween\ntwo\n')).toBe(false)
  expect(matches('to 2\n', 'to 1\n')).toBe(false)
})
