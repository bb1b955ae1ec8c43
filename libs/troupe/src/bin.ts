#!/usr/bin/env node
/**
 * `troupe start …` is the cluster of `npm start`, `troupe lab …` the simulator of `npm run lab`, for a project that has
 * installed the package.
 */
import module from 'node:module'

const usage = `troupe start [server.properties] [--override key=value]…   a cluster for Apache Kafka clients in one process
troupe lab VERB …                                           the simulator: run, replay, check, pipeline …
Each says more with --help.
`

// Before the rest is loaded: the second start, and each worker thread, reads what was compiled before.
if (module.getCompileCacheDir() === undefined) module.enableCompileCache()
const [verb] = process.argv.splice(2, 1)

switch (verb) {
  case 'start': {
    const { run } = await import('@troupe/app/run')
    await run(process.argv, process.env)
    break
  }
  case 'lab':
    await import('@troupe/app/lab/main')
    break
  default: {
    const asked = verb === '--help' || verb === '-h' || verb === 'help'
    process[asked ? 'stdout' : 'stderr'].write(usage)
    process.exitCode = asked ? 0 : 2
  }
}
