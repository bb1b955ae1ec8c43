/** A process that runs word count until it is told to end: one that tests can stop and continue. */
import { run } from '../../src/shell/run.ts'
import { properties, wordCount } from './support.ts'

const bootstrap = process.argv[2]!
const running = await run(wordCount(), properties({ bootstrap }), {
  onStateChange: (to) => process.send!({ state: to }),
})

process.on('message', async (message: { ask: 'metrics' | 'close' }) => {
  if (message.ask === 'metrics') process.send!({ metrics: await running.metrics() })
  else {
    const clean = await running.close()
    process.send!({ clean }, () => process.disconnect!())
  }
})
