/**
 * IncrementalAlterConfigs (44), versions 0–1: sets, deletes, appends to and subtracts from properties (KIP-339).
 *
 * The controller decides and stores; brokers follow the metadata.
 */
import type { IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponseInput } from '@troupe/wire/messages'
import { configGaps, defineConfigChange } from '../config-change.ts'

export const gaps: readonly string[] = configGaps

export const incrementalAlterConfigs = defineConfigChange<
  IncrementalAlterConfigsRequest,
  IncrementalAlterConfigsResponseInput
>({ key: 44, minVersion: 0, maxVersion: 1, api: 'IncrementalAlterConfigs' })
