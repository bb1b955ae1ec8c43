/**
 * The mistake: "they are only logs", so the guarantee is left at Kafka Streams' default. Whatever was counted since the
 * last commit is counted again after a crash, and its dead letters are written again.
 */
import type { Scenario } from 'troupe/simulate'
import scenario from './scenario.ts'

const properties = { ...scenario.properties, 'processing.guarantee': 'at_least_once' }

export default { ...scenario, properties } satisfies Scenario
