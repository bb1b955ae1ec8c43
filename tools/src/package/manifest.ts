/** The package.json of a package that leaves the repository: made from what its emitted files import. */
import { isBuiltin } from 'node:module'
import { oldestNode, type PackageSpec } from './packages.ts'
import { placeOf } from './rewrite.ts'
import type { Workspace } from './workspace.ts'

export function manifestOf(workspace: Workspace, spec: PackageSpec, external: readonly string[]): object {
  const { name, version, description } = workspace.manifestOf(spec.directory)
  const needed = [...new Set(external.filter((specifier) => !isBuiltin(specifier)).map(packageName))].sort()
  const versions = (names: readonly string[]): Record<string, string> =>
    Object.fromEntries(names.map((dependency) => [dependency, workspace.versionOf(dependency)]))
  const isOwn = (dependency: string): boolean => !spec.optional.includes(dependency) && !(dependency in spec.peers)
  // Declarations speak of sockets and TLS. What is loaded only when it is asked for does not show in the imports.
  const peers = Object.entries({ ...spec.peers, '@types/node': { range: '>=22', optional: true } })
  return {
    name,
    version,
    description,
    keywords: spec.keywords,
    license: 'Apache-2.0',
    type: 'module',
    engines: { node: `>=${oldestNode}` },
    exports: Object.fromEntries(Object.entries(spec.exports).map(([key, source]) => [key, built(source)])),
    bin: spec.bin && Object.fromEntries(Object.entries(spec.bin).map(([key, source]) => [key, script(source)])),
    files: ['dist'],
    dependencies: versions(needed.filter(isOwn)),
    optionalDependencies: versions(needed.filter((dependency) => spec.optional.includes(dependency))),
    peerDependencies: Object.fromEntries(peers.map(([dependency, { range }]) => [dependency, range])),
    peerDependenciesMeta: Object.fromEntries(
      peers.filter(([, { optional }]) => optional).map(([dependency]) => [dependency, { optional: true }]),
    ),
  }
}

const script = (source: string): string => `./dist/${placeOf(source).replace(/\.ts$/, '.js')}`
const built = (source: string): object => ({
  types: script(source).replace(/\.js$/, '.d.ts'),
  default: script(source),
})

/** `effect` of `effect/Stream`, `@opentelemetry/api` of itself. */
export function packageName(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}
