/**
 * The relay as a process: `node relay-process.ts BOOTSTRAP POSTGRES`. For the test, `STEP COUNT` behind them: it kills
 * itself when it has done that step so often.
 */
import { relay } from './relay.ts'

const [bootstrap, postgres, fatal, count = '1'] = process.argv.slice(2)
let left = Number(count)

await relay({
  kafka: { 'bootstrap.servers': bootstrap },
  postgres: postgres!,
  onStep(step) {
    if (step === fatal && --left === 0) process.kill(process.pid, 'SIGKILL')
  },
  onError: (error) => console.error(String(error)),
})
