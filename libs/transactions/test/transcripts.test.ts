/**
 * The scenarios of `*.txt`. `UPDATE=1` writes down what happened; commit that only when every difference is understood.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { runTranscript } from '@troupe/coordinator/transcript'
import { transactionStage } from './stage.ts'

const here = new URL('.', import.meta.url)

for (const name of readdirSync(here).filter((each) => each.endsWith('.txt'))) {
  test(name, () => {
    const file = new URL(name, here)
    const text = readFileSync(file, 'utf8')
    const happened = runTranscript(text, () => transactionStage().step)
    if (process.env.UPDATE) writeFileSync(file, happened)
    else expect(happened).toBe(text)
  })
}
