/**
 * Processors without state. A function of the application that gives `undefined` is taken to mean null.
 */
import type { Operation } from '../operation.ts'
import type { Flow, Process, Wiring } from '../context.ts'

type Of<Type extends Operation['type']> = Extract<Operation, { type: Type }>

export function filter({ predicate }: Of<'filter'>, { forward }: Wiring): Process {
  return (record) => {
    if (predicate(record.key, record.value)) forward(record)
  }
}

export function map({ mapper }: Of<'map'>, { forward }: Wiring): Process {
  return (record) => {
    const [key, value] = mapper(record.key, record.value)
    forward(with_(record, key ?? null, value ?? null))
  }
}

export function mapValues({ mapper }: Of<'mapValues'>, { forward }: Wiring): Process {
  return (record) => forward(with_(record, record.key, mapper(record.value, record.key) ?? null))
}

export function flatMap({ mapper }: Of<'flatMap'>, { forward }: Wiring): Process {
  return (record) => {
    for (const [key, value] of mapper(record.key, record.value)) forward(with_(record, key ?? null, value ?? null))
  }
}

export function flatMapValues({ mapper }: Of<'flatMapValues'>, { forward }: Wiring): Process {
  return (record) => {
    for (const value of mapper(record.value, record.key)) forward(with_(record, record.key, value ?? null))
  }
}

export function peek({ action }: Of<'peek'>, { forward }: Wiring): Process {
  return (record) => {
    action(record.key, record.value)
    forward(record)
  }
}

export function branch({ branches }: Of<'branch'>, { forwardTo }: Wiring): Process {
  const targets = branches.map(({ predicate, node }) => ({ predicate, process: forwardTo(node) }))
  return (record) => targets.find(({ predicate }) => predicate(record.key, record.value))?.process(record)
}

export function passThrough(_operation: Of<'passThrough'>, { forward }: Wiring): Process {
  return forward
}

export function tableToStream(_operation: Of<'tableToStream'>, { forward }: Wiring): Process {
  return (record) => forward(with_(record, record.key, record.value.newValue))
}

function with_({ timestamp, headers }: Flow, key: unknown, value: unknown): Flow {
  return { key, value, timestamp, headers }
}
