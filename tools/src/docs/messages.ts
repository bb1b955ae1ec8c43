/**
 * The tables of messages, one for each actor, as they stand in the doc comment over the types of its messages.
 *
 * They are written by hand where a reader of the code needs them; `kindsOf` says what the types declare, so that a
 * test can hold one against the other.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../repository.ts'

export interface MessageSource {
  readonly actor: string
  /** Where the table stands. */
  readonly file: string
  /** Where the types stand, if elsewhere too. */
  readonly types: readonly string[]
}

const source = (actor: string, file: string, ...types: string[]): MessageSource => ({
  actor,
  file,
  types: [file, ...types],
})

export const messageSources: readonly MessageSource[] = [
  source('replica', 'libs/replication/src/messages.ts'),
  source('controller, broker', 'libs/controller/src/messages.ts'),
  source(
    'controller, as a member of the quorum',
    'libs/controller/src/raft/messages.ts',
    'libs/controller/src/messages.ts',
  ),
  source('groups and transactions, as shards', 'libs/coordinator/src/shard.ts', 'libs/coordinator/src/contract.ts'),
  source('groups', 'libs/groups/src/messages.ts'),
  source('transactions, producer-ids', 'libs/transactions/src/messages.ts'),
  source('log-manager', 'libs/replication/src/log-manager.ts'),
  source('front', 'libs/broker/src/front.ts', 'libs/broker/src/transport.ts'),
  source(
    'network, of a client',
    'libs/client/src/network.ts',
    'libs/client/src/messages.ts',
    'libs/client/src/transport.ts',
  ),
  source('producer, of a client', 'libs/client/src/producer.ts', 'libs/client/src/messages.ts'),
  source(
    'consumer, of a client',
    'libs/client/src/consumer.ts',
    'libs/client/src/consumer/messages.ts',
    'libs/client/src/consumer/heartbeat.ts',
    'libs/client/src/consumer/wake.ts',
    'libs/client/src/messages.ts',
  ),
  source('admin, of a client', 'libs/client/src/admin.ts', 'libs/client/src/messages.ts'),
]

const textOf = (file: string): string => readFileSync(join(root, file), 'utf8')

/** The cells of the table whose first column is `message`, its head first. */
export function messageTable(file: string): string[][] {
  const lines = textOf(file).split('\n')
  const first = lines.findIndex((line) => /^ \* \| message +\|/.test(line))
  if (first < 0) return []
  const end = lines.findIndex((line, index) => index > first && !line.startsWith(' * |'))
  return lines
    .slice(first, end)
    .filter((line) => !/^[ *|-]+$/.test(line))
    .map((line) =>
      line
        .replace(/^ \* \||\|\s*$/g, '')
        .split(' | ')
        .map((cell) => cell.trim()),
    )
}

/** The kinds that the first column names; one row may name several. */
export function kindsInTable(file: string): string[] {
  return messageTable(file)
    .slice(1)
    .flatMap(([kinds]) => kinds!.split(', '))
}

/** The kinds that the types of these files declare. */
export function kindsOf(files: readonly string[]): string[] {
  const found = files.flatMap((file) => [
    ...textOf(file).matchAll(
      /(?:extends Message(?:, \w+)*|Message &) \{\s*(?:\/\*\*[^*]*\*\/\s*)?readonly kind: ('\w+'(?: \| '\w+')*)/g,
    ),
    ...textOf(file).matchAll(/RequestOf<\s*('\w+')/g),
  ])
  return [...new Set(found.flatMap(([, kinds]) => kinds!.match(/\w+/g)!))]
}

export function renderMessages(): string {
  const sections = messageSources.map(({ actor, file }) => {
    const [head, ...rows] = messageTable(file)
    const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
    return [
      `**${actor}** (\`${file}\`)`,
      '',
      line(head!),
      line(head!.map(() => '---')),
      ...rows.map(([kinds, ...others]) => line([asCode(kinds!), ...others])),
    ].join('\n')
  })
  return sections.join('\n\n')
}

function asCode(kinds: string): string {
  return kinds === 'anything else' ? kinds : kinds.replace(/\w+/g, '`$&`')
}
