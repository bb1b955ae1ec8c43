// Runs a command of the workspace on the packaged Node 26, installing what is missing first.
// Plain JavaScript for Node 20: it is the only file that the user's own Node has to understand.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const modules = join(root, 'node_modules')
// Stripped and compiled sources: a second start is several times faster, and smaller.
const compileCache = join(modules, '.cache/troupe')

install()
const node = packagedNode()
const [verb = 'start', ...rest] = process.argv.slice(2)

switch (verb) {
  case 'start':
    run(node, ['--disable-warning=ExperimentalWarning', join(root, 'apps/troupe/src/main.ts'), ...rest])
    break
  case 'test':
    run(node, [join(root, 'tools/src/test/main.ts'), ...rest])
    break
  case 'node':
    run(node, rest)
    break
  case 'exec':
    run(node, [binary(rest[0]), ...rest.slice(1)])
    break
  default:
    console.error(`run.mjs: unknown verb ${verb}; known are start, test, node, exec`)
    process.exit(2)
}

/** `npm ci` once for each state of the lock file. */
function install() {
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex')
  const stamp = join(modules, '.troupe-lock')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return
  console.error('troupe: installing dependencies (npm ci) …')
  const npm = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: root, stdio: ['ignore', 2, 2] })
  if (npm.status !== 0) process.exit(npm.status ?? 1)
  mkdirSync(modules, { recursive: true })
  writeFileSync(stamp, lock)
}

function packagedNode() {
  const packaged = join(modules, `node-${process.platform}-${process.arch}`, 'bin', 'node')
  if (existsSync(packaged)) return packaged
  if (Number(process.versions.node.split('.')[0]) >= 26) return process.execPath
  console.error(
    `troupe: there is no packaged Node 26 for ${process.platform}-${process.arch}; install Node 26 or newer and try again`,
  )
  process.exit(1)
}

function binary(name) {
  const manifest = JSON.parse(readFileSync(join(modules, name === 'tsc' ? 'typescript' : name, 'package.json'), 'utf8'))
  const bin = typeof manifest.bin === 'string' ? manifest.bin : manifest.bin[name]
  return join(modules, name === 'tsc' ? 'typescript' : name, bin)
}

function run(command, args) {
  const path = `${join(node, '..')}:${join(modules, '.bin')}:${process.env.PATH}`
  const env = { NODE_COMPILE_CACHE: compileCache, ...process.env, PATH: path }
  // Where Node can replace itself by the command, nothing of the launcher stays behind.
  if (process.execve) process.execve(command, [command, ...args], env)
  const child = spawn(command, args, { cwd: process.cwd(), stdio: 'inherit', env })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)))
}
