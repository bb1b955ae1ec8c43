/** From an operation to what carries it out. */
import type { Process, Wiring } from '../context.ts'
import type { Operation } from '../operation.ts'
import { sessionAggregate } from './session-aggregate.ts'
import * as stateless from './stateless.ts'
import { streamAggregate, streamReduce } from './stream-aggregate.ts'
import { joinWindow, streamStreamJoin } from './stream-join.ts'
import { suppress } from './suppress.ts'
import { streamTableJoin, tableJoin, tableJoinMerge } from './table-join.ts'
import * as table from './table.ts'
import { windowAggregate } from './window-aggregate.ts'

type Processors = {
  [Type in Operation['type']]: (operation: Extract<Operation, { type: Type }>, wiring: Wiring) => Process
}

const processors: Processors = {
  ...stateless,
  streamAggregate,
  streamReduce,
  windowAggregate,
  sessionAggregate,
  joinWindow,
  streamStreamJoin,
  streamTableJoin,
  tableSource: table.tableSource,
  tableFilter: table.tableFilter,
  tableMapValues: table.tableMapValues,
  tableRepartitionMap: table.tableRepartitionMap,
  tableAggregate: table.tableAggregate,
  tableReduce: table.tableReduce,
  tableJoin,
  tableJoinMerge,
  suppress,
}

export function processorOf(operation: Operation, wiring: Wiring): Process {
  return processors[operation.type](operation as never, wiring)
}
