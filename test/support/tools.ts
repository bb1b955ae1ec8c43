/**
 * The foreign clients that the suites drive, each installed by the tests themselves or skipped with a reason.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { compileJava } from '@troupe/tools/reference/java'
import { cacheDirectory, kafkaClasspath, missingCommand, type Skipped } from '@troupe/tools/reference/maven'

const inCi = Boolean(process.env.CI)

class MissingTool extends Error {}

function skip(reason: string): Skipped {
  if (inCi) throw new MissingTool(reason)
  return { skipped: reason }
}

/** Class path with Apache Kafka and our Java programs under test/java. */
export function javaClients(): string | Skipped {
  const classpath = kafkaClasspath()
  return typeof classpath === 'string' ? compileJava(join(import.meta.dirname, '../java'), classpath) : classpath
}

/** A Python with the confluent-kafka wheel (librdkafka). */
export function pythonClients(): string | Skipped {
  if (missingCommand('python3', '--version')) return skip('python3 is not installed')
  const home = join(cacheDirectory, 'python-confluent-kafka-2')
  const python = join(home, 'bin/python')
  if (existsSync(python)) return python
  const work = `${home}.${process.pid}`
  mkdirSync(cacheDirectory, { recursive: true })
  const created = spawnSync('python3', ['-m', 'venv', '--copies', work], { encoding: 'utf8' })
  const installed =
    created.status === 0
      ? spawnSync(
          join(work, 'bin/python'),
          ['-m', 'pip', 'install', '-q', '--disable-pip-version-check', 'confluent-kafka>=2.11'],
          { encoding: 'utf8' },
        )
      : created
  if (installed.status !== 0) {
    rmSync(work, { recursive: true, force: true })
    return skip(`confluent-kafka could not be installed: ${installed.stderr}`)
  }
  try {
    renameSync(work, home)
  } catch {
    rmSync(work, { recursive: true, force: true })
  }
  return python
}

/** The kcat command, from the distribution's package where this user may install it. */
export function kcat(): string | Skipped {
  if (!missingCommand('kcat', '-V')) return 'kcat'
  if (process.getuid?.() !== 0 || missingCommand('apt-get', '--version')) return skip('kcat is not installed')
  spawnSync('apt-get', ['update', '-q'], { stdio: 'ignore' })
  spawnSync('apt-get', ['install', '-y', '-q', '--no-install-recommends', 'kcat'], {
    stdio: 'ignore',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  })
  return missingCommand('kcat', '-V') ? skip('kcat could not be installed') : 'kcat'
}

/** A franz-go program, built from test/go once for each state of its sources. */
export function goClients(): string | Skipped {
  if (missingCommand('go', 'version')) return skip('go is not installed')
  const source = join(import.meta.dirname, '../go')
  const hash = createHash('sha256')
  for (const file of ['main.go', 'go.mod', 'go.sum']) hash.update(readFileSync(join(source, file)))
  const binary = join(cacheDirectory, `go-clients-${hash.digest('hex').slice(0, 16)}`)
  if (existsSync(binary)) return binary
  const work = `${binary}.${process.pid}`
  const built = spawnSync('go', ['build', '-o', work, '.'], { cwd: source, encoding: 'utf8' })
  if (built.status !== 0) return skip(`the franz-go program could not be built: ${built.stderr}`)
  renameSync(work, binary)
  return binary
}
