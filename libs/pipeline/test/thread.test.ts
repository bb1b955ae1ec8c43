/** Transcripts of the thread actor alone: `thread/*.txt`. UPDATE=1 writes what has happened; read the difference. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ThreadStage } from './thread/stage.ts'

const directory = join(import.meta.dirname, 'thread')

for (const name of readdirSync(directory).filter((each) => each.endsWith('.txt'))) {
  const file = join(directory, name)
  test(name, () => {
    const text = readFileSync(file, 'utf8')
    // A line that is not indented begins a new story.
    const stories = text.split(/\n\n(?=\S)/)
    const happened = stories.map((story) => new ThreadStage().perform(story)).join('\n\n')
    if (process.env.UPDATE) writeFileSync(file, happened)
    else expect(happened).toBe(text)
  })
}
