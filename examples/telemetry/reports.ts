/**
 * A week of real telemetry: every earthquake that the seismic networks of the USGS located, 31 January to 7 February
 * 2018 (the package vega-datasets). A report arrives when the network last spoke of it, which may be days after the
 * ground shook: event time and arrival are as far apart as they get.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

export interface Report {
  readonly id: string
  readonly place: string
  readonly magnitude: number
  /** Seconds by which the stations' arrival times miss the located origin: how well the network sees. */
  readonly residual: number
  /** When the ground shook. */
  readonly at: number
}

interface Feature {
  readonly properties: {
    readonly net: string
    readonly code: string
    readonly type: string
    readonly place: string
    readonly mag: number
    readonly rms: number | null
    readonly time: number
    readonly updated: number
  }
}

/** Network and report, in the order of their arrival. */
export function reports(): { readonly network: string; readonly report: Report; readonly arrivedAt: number }[] {
  const file = new URL('../data/earthquakes.json', `file://${createRequire(import.meta.url).resolve('vega-datasets')}`)
  const { features } = JSON.parse(readFileSync(file, 'utf8')) as { features: Feature[] }
  return features
    .filter(({ properties }) => properties.type === 'earthquake')
    .sort((a, b) => a.properties.updated - b.properties.updated)
    .map(({ properties: { net, code, place, mag, rms, time, updated } }) => ({
      network: net,
      report: { id: net + code, place, magnitude: mag, residual: rms ?? 0, at: time },
      arrivedAt: updated,
    }))
}
