/**
 * Puts the switchboard around guards, in the text of a module that is just being loaded; no file is touched. Every
 * mutant lies dormant in the same program, so that thousands of them need neither a process nor a warm-up each.
 *
 * A guard is still evaluated when it is forced: only the decision changes, not what its operands do.
 */
import type { Guard } from './guards.ts'

const board = new URL('switchboard.ts', import.meta.url).href

/** Keeps lines where they are: what an actor throws names the line of its source. */
export function instrument(text: string, guards: readonly Guard[]): string {
  const marks = guards.flatMap(({ id, start, end }) => [
    { at: start, isEnd: false, length: end - start, text: `$decide(${id}, (` },
    { at: end, isEnd: true, length: end - start, text: '))' },
  ])
  // At one place: first the ends, inner before outer, then the starts, outer before inner.
  marks.sort(
    (a, b) => a.at - b.at || Number(b.isEnd) - Number(a.isEnd) || (a.isEnd ? a.length - b.length : b.length - a.length),
  )
  let result = `import { decide as $decide } from '${board}';`
  let from = 0
  for (const { at, text: mark } of marks) {
    result += text.slice(from, at) + mark
    from = at
  }
  return result + text.slice(from)
}
