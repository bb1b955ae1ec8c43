/** One voter as transcripts (test/scenarios/raft). */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Voter } from './voter.ts'

const directory = join(import.meta.dirname, 'scenarios/raft')

/** As in decisions.test.ts; a line `off <safeguard>` below the title switches one off, `observer` stages broker 4. */
function replay(text: string): string {
  const [title, ...lines] = text.split('\n')
  const off = lines.filter((line) => line.startsWith('off ')).map((line) => [line.slice(4), false] as const)
  const voter = new Voter(Object.fromEntries(off), lines.includes('observer') ? 4 : 1)
  const out = [title!]
  for (const line of lines) {
    if (line.startsWith('  ')) continue
    out.push(line)
    if (/^(#|off |observer|$)/.test(line)) continue
    out.push(...voter.run(line).map((effect) => `  ${effect}`))
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
