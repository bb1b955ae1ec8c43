#!/usr/bin/env node
// `troupe-vitest`: vitest for one project, on the Node that runs this, with a JSON report beside the readable one.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

const cli = join(import.meta.dirname, '..', 'node_modules', 'vitest', 'vitest.mjs')
const config = join(import.meta.dirname, 'vitest.config.ts')
const { status } = spawnSync(
  process.execPath,
  [cli, 'run', '--config', config, '--root', process.cwd(), ...process.argv.slice(2)],
  { stdio: 'inherit' },
)
process.exit(status ?? 1)
