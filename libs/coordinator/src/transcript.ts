/**
 * Runs tests that are written as traces: a title, then steps; under each step, indented further, everything it caused.
 *
 *   lease: a paused holder is fenced          ← title, at the margin
 *
 *     acquire holder=a ttl=100                ← step, two blanks
 *       append granted a epoch=1              ← effect, four blanks
 *       reply epoch=1
 *     # a remark
 *
 * The runner returns the text as it really went, so a test compares two texts: an effect too many fails as surely as
 * one too few, and a changed expectation is written by running with an update flag and read in the diff.
 */

/** Carries out one step of a scenario and says what it did, one line per effect. */
export type Stage = (step: string) => readonly string[]

/** `newStage` is called at each title: scenarios don't share anything. */
export function runTranscript(text: string, newStage: (title: string) => Stage): string {
  const result: string[] = []
  let stage: Stage = () => ['(a step before the first title)']
  for (const line of text.split('\n')) {
    if (line.trim() === '' || line.trimStart().startsWith('#')) result.push(line)
    else if (!line.startsWith(' ')) {
      stage = newStage(line)
      result.push(line)
    } else if (!line.startsWith('    ')) {
      result.push(line, ...stage(line.trim()).map((effect) => `    ${effect}`))
    }
  }
  return result.join('\n')
}

export interface Step {
  readonly verb: string
  /** What stands without `=`. */
  readonly words: readonly string[]
  readonly args: Readonly<Record<string, string>>
}

/** `join member=a generation=1 again` → verb `join`, args {member, generation}, words [`again`]. */
export function parseStep(line: string): Step {
  const [verb, ...rest] = line.split(/\s+/)
  const words: string[] = []
  const args: Record<string, string> = {}
  for (const part of rest) {
    const at = part.indexOf('=')
    if (at < 0) words.push(part)
    else args[part.slice(0, at)] = part.slice(at + 1)
  }
  return { verb, words, args }
}

const text = new TextDecoder('utf-8', { fatal: true })

/**
 * A value on one line. What is absent, empty, false or null is left out of objects; error codes are written by
 * name.
 */
export function show(value: unknown, names: (code: number) => string = String): string {
  if (value instanceof Uint8Array) return showBytes(value)
  if (Array.isArray(value)) return `[${value.map((each) => show(each, names)).join(' ')}]`
  if (typeof value !== 'object' || value === null) return String(value)
  const fields = showFields(value, names)
  return fields === '' ? '{}' : `{${fields}}`
}

export function showFields(value: object, names: (code: number) => string = String): string {
  const fields: string[] = []
  for (const [name, field] of Object.entries(value)) {
    if (name === 'errorCode' || name === 'error') {
      if (field !== 0) fields.push(`error=${names(field as number)}`)
    } else if (!isEmpty(field)) fields.push(`${name}=${show(field, names)}`)
  }
  return fields.join(' ')
}

function isEmpty(value: unknown): boolean {
  return (
    value === undefined ||
    value === null ||
    value === '' ||
    value === false ||
    ((Array.isArray(value) || value instanceof Uint8Array) && value.length === 0)
  )
}

function showBytes(bytes: Uint8Array): string {
  try {
    const shown = text.decode(bytes)
    if (/^[ -~]*$/.test(shown)) return `'${shown}'`
  } catch {
    // not text
  }
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}
