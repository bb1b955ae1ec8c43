/** The public face of pipelines: describe one, run it, and bring its results to outside systems. */
export { pipeline, type Pipeline, type PipelineBuilder } from '../dsl/pipeline.ts'
export { run, Running, type Metrics, type RunOptions, type State, type UncaughtExceptionResponse } from './run.ts'
export { postgresSink, type PostgresClient, type PostgresSinkOptions } from './sinks/postgres.ts'
export { sqliteSink, type SqliteSinkOptions } from './sinks/sqlite.ts'
export type { Row, SqlValue, TableOptions } from './sinks/rows.ts'
export { TopologyException } from '../topology.ts'
export type { Sink, SinkBatch, SinkDriver, SinkRecord, Topology } from '../topology.ts'
