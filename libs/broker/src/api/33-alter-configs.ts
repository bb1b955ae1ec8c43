/**
 * AlterConfigs (33), versions 0–2: replaces all properties of a resource. Older than IncrementalAlterConfigs, and a trap: what
 * is not named is reset (KIP-133).
 *
 * The controller decides and stores; brokers follow the metadata.
 */
import type { AlterConfigsRequest, AlterConfigsResponseInput } from '@troupe/wire/messages'
import { configGaps, defineConfigChange } from '../config-change.ts'

export const gaps: readonly string[] = configGaps

export const alterConfigs = defineConfigChange<AlterConfigsRequest, AlterConfigsResponseInput>({
  key: 33,
  minVersion: 0,
  maxVersion: 2,
  api: 'AlterConfigs',
})
