/** The packages as somebody outside of the repository has them: packed, installed, compiled against, run. */
import { spawn } from 'node:child_process'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Cluster, freePort, until } from '../src/cluster.ts'
import { packages } from '../src/package/packages.ts'
import type { Unavailable } from '../src/package/registry.ts'
import * as trial from './package/trial.ts'

const limits: Record<string, number> = { '@troupe/client': 500_000, troupe: 1_600_000 }
const manifests = new Map<string, string>()
let packed: trial.Packed[]
let home: string | Unavailable

beforeAll(() => {
  trial.cloneHere()
  for (const { directory } of packages) {
    const path = join(trial.workspace, directory, 'package.json')
    manifests.set(path, readFileSync(path, 'utf8'))
  }
  packed = packages.map(({ directory }) => trial.pack(directory))
  const tarballs = packed.map(({ tarball }) => tarball)
  home = trial.project('user', [...tarballs, '@types/node@26.6.6', 'effect@4.1.0', '@opentelemetry/api@1.10.0'])
})
afterAll(() => rmSync(trial.directory, { recursive: true, force: true, maxRetries: 5 }))

function unchanged(): void {
  for (const [path, text] of manifests) expect(readFileSync(path, 'utf8')).toBe(text)
  for (const { directory } of packages) {
    for (const name of ['dist', 'LICENSE', 'package.json.workspace']) {
      expect(existsSync(join(trial.workspace, directory, name))).toBe(false)
    }
  }
}

test('packing leaves the workspace as it was', unchanged)

test('a package holds JavaScript, declarations and the licence, and is small', () => {
  for (const { name, size, files } of packed) {
    const others = files.filter((path) => !/^dist\/.+\.(js|mjs|d\.ts)$/.test(path))
    expect(others.sort()).toEqual(['LICENSE', 'README.md', 'package.json'])
    expect(files.filter((path) => /(^|\/)test\/|\.test\.|\.map$/.test(path))).toEqual([])
    expect(size, name).toBeLessThan(limits[name]!)
  }
})

test('nothing in it names a machine, the workspace or a TypeScript source', ({ skip }) => {
  if (typeof home !== 'string') return skip(home.skipped)
  for (const { name, files } of packed) {
    const wrong = files
      .filter((path) => path.startsWith('dist/'))
      .flatMap((path) => {
        const text = readFileSync(join(home as string, 'node_modules', name, path), 'utf8')
        const machine = text.includes(trial.directory) || /\/(work|root|home|Users)\/[a-z]/.test(text)
        const source = /(?:from|import|import\() ?['"](?:@troupe\/|\.[^'"]*\.ts['"])/.test(
          text.replace(/^\s*\*.*$/gm, ''),
        )
        return [...(machine ? [`${path} names a machine`] : []), ...(source ? [`${path} imports a source`] : [])]
      })
    expect(wrong).toEqual([])
  }
})

test('exact dependencies; what is native is optional; Effect and OpenTelemetry are the application’s', ({ skip }) => {
  if (typeof home !== 'string') return skip(home.skipped)
  const client = trial.manifestOf(home, '@troupe/client')
  expect(client.dependencies).toEqual({})
  expect(Object.keys(client.optionalDependencies as object)).toEqual(['@node-rs/crc32', 'lz4-napi', 'snappy'])
  expect(client.peerDependenciesMeta).toMatchObject({
    effect: { optional: true },
    '@opentelemetry/api': { optional: true },
  })
  for (const { name } of packed) {
    const { dependencies, optionalDependencies, private: hidden } = trial.manifestOf(home, name)
    for (const version of Object.values({ ...(dependencies as object), ...(optionalDependencies as object) })) {
      expect(version).toMatch(/^\d+\.\d+\.\d+$/)
    }
    expect(hidden).toBeUndefined()
  }
})

test('an interrupted npm pack leaves the workspace as it was', async () => {
  const library = join(trial.workspace, packages[0]!.directory)
  const tools = join(trial.workspace, 'tools')
  const args = [join(tools, 'run.mjs'), 'node', join(tools, 'src/package/main.ts'), 'prepack']
  // Stands for npm: it has run `prepack`, and is killed before `postpack`.
  const call = `spawnSync(process.execPath, ${JSON.stringify(args)}, { stdio: 'inherit' })`
  const script = `require('child_process').${call}; setInterval(() => {}, 1e6)`
  const npm = spawn(process.execPath, ['-e', script], { cwd: library, stdio: 'ignore' })
  const saved = join(library, 'package.json.workspace')
  await until(
    () => existsSync(saved) && readFileSync(join(library, 'package.json'), 'utf8').includes('./dist/'),
    30_000,
    () => 'prepack has not exchanged the file',
  )
  npm.kill('SIGKILL')
  await until(
    () => !existsSync(saved) && !existsSync(join(library, 'dist')),
    30_000,
    () => 'nobody has put the file back',
  )
  unchanged()
})

describe('for its users', () => {
  let cluster: Cluster
  beforeAll(async () => {
    cluster = await Cluster.start({ brokers: 1 })
  })
  afterAll(() => cluster?.stop())

  test('declarations satisfy a strict compiler, theirs included', ({ skip }) => {
    if (typeof home !== 'string') return skip(home.skipped)
    expect(trial.compile(home, ['client-user.ts', 'troupe-user.ts'])).toBe('')
    // Effect's own declarations speak of a browser's types.
    expect(trial.compile(home, ['effect-user.ts'], ['dom'])).toBe('')
    // And it does look.
    const wrong = "import { Producer } from '@troupe/client'\nvoid new Producer({}).send({ topic: 1, value: null })\n"
    writeFileSync(join(home, 'wrong.ts'), wrong)
    expect(trial.check(home, ['wrong.ts'])).toMatch(/wrong\.ts.*TS2322/)
  })

  describe.each(trial.runtimes)('%s', (name) => {
    async function run(file: string, ...args: string[]): Promise<unknown> {
      const { code, out, err } = await trial.execute(trial.runtime(name) as string[], [file, ...args], home as string)
      expect({ code, err }).toEqual({ code: 0, err: '' })
      return JSON.parse(out)
    }
    function missing(): string | null {
      const command = trial.runtime(name)
      if (typeof home !== 'string') return home.skipped
      return 'skipped' in command ? command.skipped : null
    }
    const prefix = name.replace(' ', '-')

    test('produces and consumes with every codec, commits and aborts transactions, is fenced', async ({ skip }) => {
      const reason = missing()
      if (reason !== null) return skip(reason)
      expect(await run('client-user.js', cluster.bootstrap, prefix)).toEqual({
        read: 200,
        cents: 5 * ((39 * 40) / 2),
        surplus: 0,
        fenced: expect.stringMatching(/^(INVALID_PRODUCER_EPOCH|PRODUCER_FENCED) /),
      })
    })

    test('with Effect', async ({ skip }) => {
      const reason = missing()
      if (reason !== null) return skip(reason)
      expect(await run('effect-user.js', cluster.bootstrap, prefix)).toEqual({
        refused: 'on purpose',
        values: Array.from({ length: 20 }, (_, n) => n),
      })
    })

    // Deno's worker threads take none of the limits that a broker's thread needs.
    if (name === 'deno') return
    test('runs a cluster in the process, a pipeline on it, and the simulator', async ({ skip }) => {
      const reason = missing()
      if (reason !== null) return skip(reason)
      expect(await run('troupe-user.js')).toEqual({ counts: { all: 30, even: 15, odd: 15 }, seeds: 3 })
    })
  })

  test('works where npm has left out what is native', async ({ skip }) => {
    if (typeof home !== 'string') return skip(home.skipped)
    const bare = trial.project('bare', [
      ...packed.map(({ tarball }) => tarball),
      '@types/node@26.6.6',
      '--omit=optional',
    ])
    if (typeof bare !== 'string') return skip(bare.skipped)
    for (const name of ['@node-rs/crc32', 'snappy', 'lz4-napi']) {
      expect(existsSync(join(bare, 'node_modules', name))).toBe(false)
    }
    expect(trial.compile(bare, ['client-user.ts'])).toBe('')
    const args = ['client-user.js', cluster.bootstrap, 'bare']
    const { code, out, err } = await trial.execute([process.execPath], args, bare)
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(JSON.parse(out)).toMatchObject({ read: 200, surplus: 0 })
  })

  test('its command starts a cluster, and the lab', async ({ skip }) => {
    if (typeof home !== 'string') return skip(home.skipped)
    const command = [process.execPath, join(home, 'node_modules/troupe/dist/troupe/bin.js')]
    const lab = await trial.execute(command, ['lab', 'run', '--seed', '1'], home)
    expect({ code: lab.code, err: lab.err }).toEqual({ code: 0, err: '' })
    const wrong = await trial.execute(command, ['strat'], home)
    expect(wrong).toMatchObject({ code: 2, err: expect.stringContaining('troupe start') })
    const data = `log.dirs=${join(trial.directory, 'data')}`
    const overrides = [data, 'listeners=PLAINTEXT://127.0.0.1:0', `troupe.admin.port=${await freePort()}`]
    const args = [...command.slice(1), 'start', ...overrides.flatMap((override) => ['--override', override])]
    const child = spawn(command[0]!, args, { cwd: home, stdio: ['ignore', 'pipe', 'ignore'] })
    let out = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
    const ended = new Promise((resolve) => child.once('exit', resolve))
    await until(
      () => out.includes('troupe ready bootstrap.servers='),
      60_000,
      () => `it does not start: ${out}`,
    )
    child.kill('SIGTERM')
    expect(await ended).toBe(0)
  })
})
