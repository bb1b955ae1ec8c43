/**
 * `troupe [server.properties] [--override key=value]…`: a cluster in this process.
 *
 * Standard output gets one line, when every broker serves clients; everything else goes to standard error.
 */
import module from 'node:module'
import { join } from 'node:path'

// Before anything else is loaded: a second start reads stripped and compiled sources.
if (module.getCompileCacheDir() === undefined) {
  module.enableCompileCache(join(import.meta.dirname, '../../../node_modules/.cache/troupe'))
}
const { run } = await import('./run.ts')
await run(process.argv, process.env)
