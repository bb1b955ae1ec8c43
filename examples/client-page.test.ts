/** The first program of docs/client.md runs as it stands. */
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify, stripVTControlCharacters } from 'node:util'
import { expect, test } from 'vitest'
import { Cluster } from 'troupe/cluster'

const page = readFileSync(new URL('../docs/client.md', import.meta.url), 'utf8')
const [first] = [...page.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code!)

test('send one payment, read it back', async () => {
  await using cluster = await Cluster.start({ brokers: 1, listeners: true })
  // Inside of the project, so that `troupe/client` is found.
  const directory = mkdtempSync(join(import.meta.dirname, '.page-'))
  try {
    const file = join(directory, 'page.ts')
    writeFileSync(file, first!.replace('127.0.0.1:9092', cluster.bootstrapServers))
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [
      '--disable-warning=ExperimentalWarning',
      file,
    ])
    expect([stripVTControlCharacters(stdout), stderr]).toEqual(['ada 250\n', ''])
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
})
