/** What is published: which modules a package opens to its users, under which names. */

export interface PackageSpec {
  /** Directory of the library in which `npm pack` is typed. */
  readonly directory: string
  /** What its users may import, and the source behind it. */
  readonly exports: Readonly<Record<string, string>>
  readonly bin?: Readonly<Record<string, string>>
  /** Native code that makes it faster; without it, it works all the same. */
  readonly optional: readonly string[]
  /** Belongs to the program that uses the package: there must be one copy of it. True: only who uses that part needs it. */
  readonly peers: Readonly<Record<string, { readonly range: string; readonly optional: boolean }>>
  readonly keywords: readonly string[]
}

/** Of Node: the first with zstd, and with everything else that the emitted code uses. */
export const oldestNode = '22.15'

const native = ['@node-rs/crc32', 'snappy', 'lz4-napi']
const keywords = ['kafka', 'exactly-once', 'streams', 'transactions', 'event log']

export const packages: readonly PackageSpec[] = [
  {
    directory: 'libs/client',
    exports: { '.': 'libs/client/src/shell/index.ts', './effect': 'libs/client/src/shell/effect/index.ts' },
    optional: native,
    peers: {
      effect: { range: '^4.1.0', optional: true },
      '@opentelemetry/api': { range: '^1.9.0', optional: true },
    },
    keywords: [...keywords, 'client', 'producer', 'consumer'],
  },
  {
    directory: 'libs/troupe',
    exports: {
      './client': 'libs/troupe/src/client.ts',
      './client/effect': 'libs/troupe/src/client-effect.ts',
      './cluster': 'libs/troupe/src/cluster.ts',
      './pipeline': 'libs/troupe/src/pipeline.ts',
      './simulate': 'libs/troupe/src/simulate.ts',
    },
    bin: { troupe: 'libs/troupe/src/bin.ts' },
    optional: native,
    peers: {
      // The supervisor of the embedded cluster is written with it.
      effect: { range: '^4.1.0', optional: false },
      '@opentelemetry/api': { range: '^1.9.0', optional: true },
      pg: { range: '^8.16.0', optional: true },
    },
    keywords: [...keywords, 'broker', 'testing', 'simulation'],
  },
]

export function packageOf(directory: string): PackageSpec {
  const found = packages.find((spec) => spec.directory === directory)
  if (!found) throw new Error(`${directory} is not published; published are ${packages.map((spec) => spec.directory)}`)
  return found
}
