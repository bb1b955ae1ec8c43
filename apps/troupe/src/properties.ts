/**
 * Java's properties format, as `server.properties` is written: comments, continued lines, escapes, three separators.
 *
 * Source: the documentation of java.util.Properties.load.
 */

export function parseProperties(text: string): Map<string, string> {
  const properties = new Map<string, string>()
  for (const line of logicalLines(text)) {
    const end = keyEnd(line)
    let value = end
    while (isBlank(line[value])) value++
    if (line[value] === '=' || line[value] === ':') value++
    while (isBlank(line[value])) value++
    properties.set(unescape(line.slice(0, end)), unescape(line.slice(value)))
  }
  return properties
}

/** Lines without comments and blank ones; a line that ends in an odd number of backslashes goes on in the next. */
function* logicalLines(text: string): Generator<string> {
  let begun: string | null = null
  for (const natural of text.split(/\r\n|\r|\n/)) {
    const line = natural.replace(/^[ \t\f]+/, '')
    if (begun === null && (line === '' || line.startsWith('#') || line.startsWith('!'))) continue
    const whole: string = (begun ?? '') + line
    if (/\\*$/.exec(line)![0].length % 2 === 1) {
      begun = whole.slice(0, -1)
      continue
    }
    begun = null
    yield whole
  }
  if (begun !== null && begun !== '') yield begun
}

function keyEnd(line: string): number {
  for (let at = 0; at < line.length; at++) {
    const char = line[at]
    if (char === '\\') at++
    else if (char === '=' || char === ':' || isBlank(char)) return at
  }
  return line.length
}

function isBlank(char: string | undefined): boolean {
  return char === ' ' || char === '\t' || char === '\f'
}

const controls: Record<string, string> = { t: '\t', n: '\n', r: '\r', f: '\f' }

function unescape(text: string): string {
  return text.replace(/\\(u[0-9a-fA-F]{4}|[\s\S])/g, (_all, code: string) =>
    code.length > 1 ? String.fromCharCode(Number.parseInt(code.slice(1), 16)) : (controls[code] ?? code),
  )
}

/**
 * The environment form of Kafka's container image: `KAFKA_LOG_DIRS` is `log.dirs`; two underscores are one, three a dash.
 * Only names that are known properties count: the image has variables of its own under the same prefix.
 */
export function environmentProperties(
  environment: Readonly<Record<string, string | undefined>>,
  isKnown: (name: string) => boolean,
): Map<string, string> {
  const properties = new Map<string, string>()
  for (const [variable, value] of Object.entries(environment)) {
    const prefixed = /^(KAFKA|TROUPE)_(.+)$/.exec(variable)
    if (prefixed === null || value === undefined) continue
    const name = prefixed[2]!
      .toLowerCase()
      .replace(/_{1,3}/g, (run) => (run.length === 1 ? '.' : run.length === 2 ? '_' : '-'))
    const full = prefixed[1] === 'TROUPE' ? `troupe.${name}` : name
    if (isKnown(full)) properties.set(full, value)
  }
  return properties
}
