/** Where the protocols' step code lies, by area. */
import { sourceFiles, type SourceFile } from '../repository.ts'

export const areas = {
  replication: ['libs/replication/src/**/*.ts'],
  raft: ['libs/controller/src/raft/**/*.ts'],
  controller: ['libs/controller/src/{controller,broker,store,image}/**/*.ts', 'libs/controller/src/*.ts'],
  transactions: ['libs/transactions/src/**/*.ts'],
  coordinator: ['libs/coordinator/src/**/*.ts'],
  groups: ['libs/groups/src/**/*.ts'],
  broker: ['libs/broker/src/**/*.ts'],
  log: ['libs/log/src/**/*.ts'],
  client: ['libs/client/src/**/*.ts'],
} as const

export type Area = keyof typeof areas

export const areaNames = Object.keys(areas) as Area[]

/** Not step code: assertions about it, what tells people about it, and test doubles. */
const notStep = /(invariants|describe|edges|harness|transcript|memory-[a-z-]+|[a-z-]+\.node)\.ts$/

export function filesOf(area: Area): SourceFile[] {
  const files = areas[area].flatMap((pattern) => sourceFiles(pattern))
  return files.filter(
    ({ path }, index) => !notStep.test(path) && files.findIndex((other) => other.path === path) === index,
  )
}

export function areaOf(path: string): Area {
  const area = areaNames.find((name) => filesByArea().get(name)!.has(path))
  if (area === undefined) throw new RangeError(`${path} belongs to no area`)
  return area
}

let byArea: Map<Area, ReadonlySet<string>> | null = null

function filesByArea(): Map<Area, ReadonlySet<string>> {
  byArea ??= new Map(areaNames.map((area) => [area, new Set(filesOf(area).map(({ path }) => path))]))
  return byArea
}
