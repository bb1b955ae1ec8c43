/**
 * Apache Kafka 4.3.1 from Maven Central, for the tests and benchmarks that hold Troupe against it.
 *
 * The jars land in `.cache/` (not checked in) once; several test processes may ask at the same time.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, globSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export const kafkaVersion = '4.3.1'

const root = join(import.meta.dirname, '../../..')
export const cacheDirectory = join(root, '.cache')

const kafkaArtifacts = [
  'kafka_2.13',
  'kafka-server',
  'kafka-tools',
  'kafka-clients',
  'kafka-streams',
  'kafka-shell',
  'connect-runtime',
  'connect-json',
  'connect-file',
]
const loggingVersion = '2.24.3'
const loggingArtifacts = ['log4j-slf4j-impl', 'log4j-core', 'log4j-api', 'log4j-1.2-api']

export interface Skipped {
  readonly skipped: string
}

/** The class path with every jar, or why there is none. In CI a missing Java is an error, not a reason. */
export function kafkaClasspath(): string | Skipped {
  const missing =
    missingCommand('java', '-version') ?? missingCommand('javac', '-version') ?? missingCommand('mvn', '-v')
  if (missing) {
    if (process.env.CI) throw new MissingTool(missing)
    return { skipped: `${missing} is not installed` }
  }
  const directory = join(cacheDirectory, `kafka-${kafkaVersion}`)
  if (!existsSync(directory)) download(directory)
  return [loggingConfiguration(directory), ...globSync(join(directory, '*.jar')).sort()].join(':')
}

/** The same, and Kafka Streams' own test driver. */
export function streamsClasspath(): string | Skipped {
  const classpath = kafkaClasspath()
  if (typeof classpath !== 'string') return classpath
  const directory = join(cacheDirectory, `kafka-streams-test-utils-${kafkaVersion}`)
  if (!existsSync(directory)) download(directory, ['kafka-streams-test-utils'], ['-DexcludeTransitive=true'])
  return [...globSync(join(directory, '*.jar')).sort(), classpath].join(':')
}

class MissingTool extends Error {}

/** The command's name when it does not run here, else undefined. */
export function missingCommand(command: string, ...args: string[]): string | undefined {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0 ? undefined : command
}

/** Fills a directory of this process's own and renames it: whoever is second throws its copy away. */
function download(directory: string, artifacts = kafkaArtifacts, options: readonly string[] = []): void {
  const work = `${directory}.${process.pid}`
  mkdirSync(work, { recursive: true })
  writeFileSync(join(work, 'pom.xml'), pom(artifacts))
  const args = [
    '-q',
    '-B',
    'dependency:copy-dependencies',
    `-DoutputDirectory=${work}`,
    '-DincludeScope=runtime',
    ...options,
  ]
  const { status, stdout, stderr } = spawnSync('mvn', args, { cwd: work, encoding: 'utf8' })
  if (status !== 0) throw new MissingTool(`mvn could not fetch Apache Kafka ${kafkaVersion}: ${stdout}${stderr}`)
  try {
    renameSync(work, directory)
  } catch {
    rmSync(work, { recursive: true, force: true })
  }
}

function pom(artifacts: readonly string[]): string {
  const dependency = (group: string, artifact: string, version: string): string =>
    `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`
  return `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>troupe</groupId><artifactId>reference</artifactId><version>1</version><dependencies>
${artifacts.map((artifact) => dependency('org.apache.kafka', artifact, kafkaVersion)).join('\n')}
${loggingArtifacts.map((artifact) => dependency('org.apache.logging.log4j', artifact, loggingVersion)).join('\n')}
</dependencies></project>`
}

/** Warnings and errors to standard error; returns a class path entry. */
function loggingConfiguration(directory: string): string {
  const path = join(directory, 'logging')
  const file = join(path, 'log4j2.properties')
  if (!existsSync(file)) {
    mkdirSync(path, { recursive: true })
    writeFileSync(
      file,
      [
        'status = error',
        'appender.stderr.type = Console',
        'appender.stderr.name = stderr',
        'appender.stderr.target = SYSTEM_ERR',
        'appender.stderr.layout.type = PatternLayout',
        'appender.stderr.layout.pattern = [%d] %p %m (%c)%n',
        'rootLogger.level = ${sys:troupe.log.level:-warn}',
        'rootLogger.appenderRef.stderr.ref = stderr',
        '',
      ].join('\n'),
    )
  }
  return path
}
