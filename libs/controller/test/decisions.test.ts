/** The controller's decisions as transcripts (test/scenarios/decisions). */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Stage } from './decisions.ts'

const directory = join(import.meta.dirname, 'scenarios/decisions')

/** Plain lines are steps, indented ones what follows from them, `#` and the first line are for the reader. */
function replay(text: string): string {
  const stage = new Stage()
  const [title, ...lines] = text.split('\n')
  const out = [title!]
  for (const line of lines) {
    if (line.startsWith('  ')) continue
    out.push(line)
    if (line.trim() !== '' && !line.startsWith('#')) out.push(...stage.run(line).map((effect) => `  ${effect}`))
  }
  return out.join('\n')
}

test.each(readdirSync(directory).sort())('%s', (name) => {
  const path = join(directory, name)
  const text = readFileSync(path, 'utf8')
  const happened = replay(text)
  // Rewrite only when the cause of every difference is understood.
  if (process.env.TROUPE_UPDATE_TRANSCRIPTS) writeFileSync(path, happened)
  else expect(happened).toBe(text)
})
