/**
 * The scenarios of `*.txt`. `UPDATE=1` writes down what happened; commit that only when every difference is
 * understood.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { runTranscript } from '@troupe/coordinator/transcript'
import { expect, test } from 'vitest'
import { groupStage } from './stage.ts'

const directory = new URL('./', import.meta.url)

for (const name of readdirSync(directory).filter((each) => each.endsWith('.txt'))) {
  test(name, () => {
    const file = new URL(name, directory)
    const text = readFileSync(file, 'utf8')
    const happened = runTranscript(text, () => groupStage().stage)
    if (process.env.UPDATE) writeFileSync(file, happened)
    else expect(happened).toBe(text)
  })
}
