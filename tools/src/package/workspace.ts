/**
 * The libraries as the builder sees them: where a specifier leads, and which version of a package a library asks for.
 */
import { globSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'

export interface Manifest {
  readonly name: string
  readonly version: string
  readonly description?: string
  readonly exports?: Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

export class Workspace {
  readonly root: string
  /** By directory: `libs/wire`. */
  readonly #manifests = new Map<string, Manifest>()

  constructor(root: string) {
    this.root = root
    for (const path of globSync('{libs,apps}/*/package.json', { cwd: root })) {
      this.#manifests.set(posix.dirname(path.replaceAll('\\', '/')), this.#read(path))
    }
  }

  /** The source behind a specifier, as `libs/wire/src/reader.ts`; null for packages and Node's own modules. */
  resolve(specifier: string, importer: string): string | null {
    if (specifier.startsWith('.')) {
      // The compiler has made `.js` of `.ts` in JavaScript, but not in declarations; `.mjs` is as it was.
      return posix.join(posix.dirname(importer), specifier).replace(/\.js$/, '.ts')
    }
    for (const [directory, { name, exports = {} }] of this.#manifests) {
      if (specifier !== name && !specifier.startsWith(`${name}/`)) continue
      const key = `.${specifier.slice(name.length)}`
      const target = exports[key] ?? exports['./*']?.replace('*', key.slice(2))
      if (target === undefined) throw new Error(`${importer}: ${name} exports no ${key}`)
      return posix.join(directory, target)
    }
    return null
  }

  /** For the compiler, which does not write what it has found through `node_modules`. */
  paths(): Record<string, readonly string[]> {
    const paths: Record<string, readonly string[]> = {}
    for (const [directory, { name, exports = {} }] of this.#manifests) {
      for (const [key, target] of Object.entries(exports)) {
        paths[`${name}${key.slice(1)}`] = [join(this.root, directory, target)]
      }
    }
    return paths
  }

  manifestOf(directory: string): Manifest {
    const manifest = this.#manifests.get(directory)
    if (!manifest) throw new Error(`${directory} is no library of the workspace`)
    return manifest
  }

  /** The version that any library asks for; all ask for the same, or one of them is wrong. */
  versionOf(dependency: string): string {
    const found = new Set<string>()
    for (const { dependencies, devDependencies, optionalDependencies } of this.#manifests.values()) {
      for (const group of [dependencies, devDependencies, optionalDependencies]) {
        if (group?.[dependency]) found.add(group[dependency])
      }
    }
    const [version, another] = found
    if (!version) throw new Error(`no library declares the dependency ${dependency}`)
    if (another) throw new Error(`${dependency} is asked for as ${[...found].join(' and ')}`)
    return version
  }

  #read(path: string): Manifest {
    return JSON.parse(readFileSync(join(this.root, path), 'utf8')) as Manifest
  }
}
