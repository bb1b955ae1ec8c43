/** The scenarios of `*.txt`. `UPDATE=1` writes down what happened; commit that only when every difference is understood. */
import { readFileSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { registerStage, runTranscript } from './register.ts'

test('shard.txt', () => {
  const file = new URL('./shard.txt', import.meta.url)
  const text = readFileSync(file, 'utf8')
  const config = { 'offsets.commit.timeout.ms': 5000, 'message.max.bytes': 200 }
  const happened = runTranscript(text, () => registerStage({ config }).stage)
  if (process.env.UPDATE) writeFileSync(file, happened)
  else expect(happened).toBe(text)
})
