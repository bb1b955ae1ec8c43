/**
 * `npm run lab -- VERB …`: the simulator for the person at the keyboard.
 *
 * Exit codes: 0 clean, 1 a violation was found, 2 wrong use, 3 the lab itself has failed.
 */
import { buildProgram } from './program.ts'
import { UsageError } from './usage.ts'

const exitCodes = { clean: 0, violation: 1, wrongUse: 2, failed: 3 } as const

// `lab soak | head`: whoever reads no more wants no more.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(exitCodes.clean)
  throw error
})

let foundSomething = false
try {
  await buildProgram((found) => (foundSomething = found)).parseAsync(process.argv)
  process.exitCode = foundSomething ? exitCodes.violation : exitCodes.clean
} catch (error) {
  const isUsage = error instanceof UsageError
  // A failure of ours is no violation of the protocol: with its stack, and an exit code of its own.
  process.stderr.write(isUsage ? `lab: ${error.message}\n` : `lab failed: ${describe(error)}\n`)
  process.exitCode = isUsage ? exitCodes.wrongUse : exitCodes.failed
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
