/** The lab in a process of its own, as a person or a tool starts it. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

const main = join(import.meta.dirname, '../src/lab/main.ts')

export interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

export function lab(...args: readonly string[]): Ended {
  const command = ['--disable-warning=ExperimentalWarning', main, ...args]
  const { status, stdout, stderr } = spawnSync(process.execPath, command, {
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: '' },
    maxBuffer: 64 * 1024 * 1024,
  })
  return { code: status, out: stdout, err: stderr }
}

/** Its one document; fails when standard output holds anything else, or standard error anything at all. */
export function labJson<Document>(code: number, ...args: readonly string[]): Document {
  const ended = lab(...args, '--format', 'json')
  if (ended.code !== code || ended.err !== '') throw new Error(`exit code ${ended.code}\n${ended.err}${ended.out}`)
  if (ended.out.trimEnd().includes('\n')) throw new Error(`more than one line:\n${ended.out}`)
  return JSON.parse(ended.out) as Document
}
