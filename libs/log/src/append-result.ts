/**
 * What an append answers. Source: LogAppendInfo, ProduceResponse.
 */
import { KafkaError, errorMessage, type ErrorCode } from '@troupe/wire/errors'
import { rejection, type Rejection } from './validator.ts'
import type { AppendResult } from './contract.ts'

const NO_ERRORS: AppendResult['recordErrors'] = []

export function appended(
  baseOffset: number,
  nextOffset: number,
  logAppendTimeMs: number,
  logStartOffset: number,
): AppendResult {
  return {
    error: KafkaError.NONE,
    errorMessage: null,
    recordErrors: NO_ERRORS,
    baseOffset,
    nextOffset,
    logAppendTimeMs,
    logStartOffset,
    duplicate: false,
  }
}

/** The batch is in the log already; these are its offsets. */
export function duplicate(
  baseOffset: number,
  nextOffset: number,
  logAppendTimeMs: number,
  logStartOffset: number,
): AppendResult {
  return { ...appended(baseOffset, nextOffset, logAppendTimeMs, logStartOffset), duplicate: true }
}

export function rejected({ error, message, recordErrors }: Rejection, logStartOffset: number): AppendResult {
  return {
    error,
    errorMessage: message,
    recordErrors,
    baseOffset: -1,
    nextOffset: -1,
    logAppendTimeMs: -1,
    logStartOffset,
    duplicate: false,
  }
}

export function refused(error: ErrorCode, logStartOffset: number, message = errorMessage(error)): AppendResult {
  return rejected(rejection(error, message), logStartOffset)
}
