/**
 * Compiles and runs the Java programs of tests and benchmarks against the jars of Apache Kafka.
 */
import { spawn, spawnSync, type ChildProcessByStdio } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { cacheDirectory } from './maven.ts'

/** Small heaps and one compiler tier: these programs live for seconds on two cores. */
export const javaOptions = ['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xmx512m', '-Xshare:auto']

/** Compiles all `.java` files of a directory once for each state of their texts; returns the class path with them. */
export function compileJava(sourceDirectory: string, classpath: string): string {
  const sources = globSync(join(sourceDirectory, '**/*.java')).sort()
  const hash = createHash('sha256')
  for (const source of sources) hash.update(readFileSync(source))
  const target = join(cacheDirectory, 'classes', hash.digest('hex').slice(0, 16))
  if (!existsSync(target)) {
    const work = `${target}.${process.pid}`
    mkdirSync(work, { recursive: true })
    const { status, stderr } = spawnSync('javac', ['-nowarn', '-d', work, '-cp', classpath, ...sources], {
      encoding: 'utf8',
    })
    if (status !== 0) {
      rmSync(work, { recursive: true, force: true })
      throw new JavaFailed(`javac failed: ${stderr}`)
    }
    try {
      renameSync(work, target)
    } catch {
      rmSync(work, { recursive: true, force: true })
    }
  }
  return `${target}:${classpath}`
}

export class JavaFailed extends Error {}

export interface JavaResult {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a main class to its end. */
export function runJava(
  classpath: string,
  mainClass: string,
  args: readonly string[],
  input?: string,
  options: readonly string[] = javaOptions,
): Promise<JavaResult> {
  const child = startJava(classpath, mainClass, args, options)
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text))
  child.stdin.end(input ?? '')
  return new Promise((resolve) => child.on('close', (status) => resolve({ status, stdout, stderr })))
}

/** Starts a main class and leaves its streams to the caller. */
export function startJava(
  classpath: string,
  mainClass: string,
  args: readonly string[],
  options: readonly string[] = javaOptions,
): ChildProcessByStdio<Writable, Readable, Readable> {
  return spawn('java', [...options, '-cp', classpath, mainClass, ...args], { stdio: ['pipe', 'pipe', 'pipe'] })
}
