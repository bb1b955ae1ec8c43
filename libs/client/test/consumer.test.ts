/**
 * The scenarios of `consumer/*.txt`. `UPDATE=1` writes down what happened; commit that only when every difference is
 * understood.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Stage } from './consumer/stage.ts'

const directory = new URL('consumer/', import.meta.url)

for (const name of readdirSync(directory).filter((each) => each.endsWith('.txt'))) {
  test(name, () => {
    const file = new URL(name, directory)
    const text = readFileSync(file, 'utf8')
    const happened = perform(text)
    if (process.env.UPDATE) writeFileSync(file, happened)
    else expect(happened).toBe(text)
  })
}

/** A line at the margin begins a scenario, two blanks are what happens, four or more what it caused. */
function perform(text: string): string {
  let stage = new Stage()
  const happened: string[] = []
  for (const line of text.split('\n')) {
    if (line.startsWith('    ')) continue
    happened.push(line)
    if (line !== '' && !line.startsWith(' ')) stage = new Stage()
    else if (line !== '' && !line.startsWith('  #'))
      happened.push(...stage.play(line.trim()).map((each) => `    ${each}`))
  }
  return happened.join('\n')
}
