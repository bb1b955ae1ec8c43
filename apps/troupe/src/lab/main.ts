/**
 * `npm run lab -- VERB …`: the simulator for the person at the keyboard.
 *
 * Exit codes: 0 clean, 1 a violation was found, 2 wrong use.
 */
import { buildProgram } from './program.ts'
import { UsageError } from './usage.ts'

const exitCodes = { clean: 0, violation: 1, wrongUse: 2 } as const

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
  if (!(error instanceof UsageError)) throw error
  process.stderr.write(`lab: ${error.message}\n`)
  process.exitCode = exitCodes.wrongUse
}
