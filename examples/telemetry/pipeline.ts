/**
 * Telemetry into windows of event time. For each seismic network:
 *
 * - `final`: quakes and the largest magnitude of every six hours, once, when the window is closed for good; what comes
 *   more than a day after its window's end is too late.
 * - `residuals`: the average residual of the last day, every six hours anew, with an update for each report.
 */
import { hopping, json, pipeline, string, tumbling, type Pipeline, type Windowed } from 'troupe/pipeline'
import type { Report } from './reports.ts'

export const hourMs = 3_600_000

/** Of the run: brokers delete by their own clock, and the week in question is years ago. */
export const oldTimes = { 'windowstore.changelog.additional.retention.ms': 50 * 365 * 24 * hourMs }

export interface Summary {
  readonly quakes: number
  readonly largest: number
}

export interface Average {
  readonly of: number
  readonly sum: number
}

export const report = json<Report>()
export const summary = json<Summary>()
export const average = json<Average>()

/** `logging`: whether the stores have changelogs. */
export function seismology(name: string, { logging = true } = {}): Pipeline {
  return pipeline(name, (p) => {
    const reports = p
      .stream('reports', { key: string, value: report, timestamp: (_record, _key, { at }) => at })
      .groupByKey({ key: string, value: report })
    reports
      .windowedBy(tumbling(6 * hourMs, 24 * hourMs))
      .aggregate(
        (): Summary => ({ quakes: 0, largest: -Infinity }),
        (_network, { magnitude }, { quakes, largest }) => ({
          quakes: quakes + 1,
          largest: Math.max(largest, magnitude),
        }),
        { store: 'summaries', key: string, value: summary, logging },
      )
      .suppress('untilWindowCloses', { name: 'final', logging })
      .toStream(windowName)
      .to('final', { key: string, value: summary })
    reports
      .windowedBy(hopping(24 * hourMs, 6 * hourMs, 24 * hourMs))
      .aggregate(
        (): Average => ({ of: 0, sum: 0 }),
        (_network, { residual }, { of, sum }) => ({ of: of + 1, sum: sum + residual }),
        { store: 'averages', key: string, value: average, logging },
      )
      .toStream(windowName)
      .to('residuals', { key: string, value: average })
  })
}

/** `ak 2018-02-01T06` */
export function windowName({ key, start }: Windowed<string>): string {
  return `${key} ${new Date(start).toISOString().slice(0, 13)}`
}

export const telemetry = seismology('telemetry')
