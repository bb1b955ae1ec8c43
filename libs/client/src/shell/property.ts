/** What a property may be given as: Kafka's text, or the value itself. */
import type { AdminNames, CommonNames, ConsumerNames, ProducerNames } from './generated/properties.ts'

/** Functions and objects: where Kafka takes the name of a class (callback handlers). */
export type Property = string | number | boolean | readonly string[] | object | null | undefined

export interface Properties {
  readonly [name: string]: Property
}

/** Properties by Kafka's names; other names are allowed, with a warning. */
export type ProducerConfig = Readonly<CommonNames & ProducerNames> & Properties
export type ConsumerConfig = Readonly<CommonNames & ConsumerNames> & Properties
export type AdminConfig = Readonly<CommonNames & AdminNames> & Properties
