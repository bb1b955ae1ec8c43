/** The state machines, drawn from the very tables that are executed at every transition. */
import type { Edges } from '@troupe/actor/edges'
import { memberEdges, positionEdges } from '@troupe/client/consumer/state'
import { linkEdges } from '@troupe/client/network/state'
import { edges as producerEdges } from '@troupe/client/producer/transactions'
import { brokerEdges } from '@troupe/controller/broker/state'
import { raftEdges } from '@troupe/controller/raft/state'
import { shardEdges } from '@troupe/coordinator/shard-state'
import { groupEdges } from '@troupe/groups/group'
import { roleEdges } from '@troupe/replication/state'
import { transactionEdges } from '@troupe/transactions/transaction-state'

export interface Machine {
  readonly name: string
  readonly file: string
  readonly initial: string
  readonly edges: Pick<Edges<never>, 'table'>
}

export const machines: readonly Machine[] = [
  {
    name: 'Member of the metadata quorum',
    file: 'libs/controller/src/raft/state.ts',
    initial: 'unattached',
    edges: raftEdges,
  },
  { name: 'Broker', file: 'libs/controller/src/broker/state.ts', initial: 'starting', edges: brokerEdges },
  { name: 'Partition replica', file: 'libs/replication/src/state.ts', initial: 'none', edges: roleEdges },
  { name: 'Coordinator shard', file: 'libs/coordinator/src/shard-state.ts', initial: 'unloaded', edges: shardEdges },
  { name: 'Consumer group', file: 'libs/groups/src/group.ts', initial: 'Empty', edges: groupEdges },
  {
    name: 'Transaction',
    file: 'libs/transactions/src/transaction-state.ts',
    initial: 'EMPTY',
    edges: transactionEdges,
  },
  {
    name: 'Connection of a client to a broker',
    file: 'libs/client/src/network/state.ts',
    initial: 'idle',
    edges: linkEdges,
  },
  {
    name: 'Transactional producer',
    file: 'libs/client/src/producer/transactions.ts',
    initial: 'UNINITIALIZED',
    edges: producerEdges,
  },
  { name: 'Group member', file: 'libs/client/src/consumer/state.ts', initial: 'unjoined', edges: memberEdges },
  {
    name: 'Fetch position of a consumer',
    file: 'libs/client/src/consumer/state.ts',
    initial: 'initializing',
    edges: positionEdges,
  },
]

export function renderTransitions(): string {
  return machines.map(renderMachine).join('\n\n')
}

function renderMachine({ name, file, initial, edges }: Machine): string {
  const rows = Object.entries<readonly string[]>(edges.table)
  // An edge from a state to itself is legal but no news: the table names it, the diagram leaves it out.
  const arrows = rows.flatMap(([from, targets]) =>
    targets.filter((to) => to !== from).map((to) => `  ${from} --> ${to}`),
  )
  return [
    `### ${name}`,
    '',
    `\`${file}\``,
    '',
    '| from | to |',
    '| --- | --- |',
    ...rows.map(([from, targets]) => `| \`${from}\` | ${targets.map((to) => `\`${to}\``).join(' ') || '–'} |`),
    '',
    '```mermaid',
    'stateDiagram-v2',
    `  [*] --> ${initial}`,
    ...arrows,
    '```',
  ].join('\n')
}
