/** Before Node 26 a thread has the permissions of its process: there the guard is missing, and nothing else. */
const isPerThread = Number(process.versions.node.split('.')[0]) >= 26

/**
 * What a broker's worker may touch: it reads everything, writes only its own directory (and the cache of
 * compiled sources), and uses the network and
 * prebuilt native addons (crc32c, snappy, lz4). A guard against mistakes, not a boundary against malice: addons run
 * outside of Node's permission model. fsync is forbidden under it (see `sync-thread.ts`).
 */
export function brokerPermissions(directory: string, compileCache: string | null): string[] {
  if (!isPerThread) return ['--disable-warning=ExperimentalWarning']
  return [
    '--permission',
    '--allow-fs-read=*',
    `--allow-fs-write=${directory}`,
    `--allow-fs-write=${directory}/*`,
    ...(compileCache === null ? [] : [`--allow-fs-write=${compileCache}/*`]),
    '--allow-addons',
    '--allow-net',
    // Node warns of each of these flags; we know.
    '--disable-warning=SecurityWarning',
    '--disable-warning=ExperimentalWarning',
  ]
}
