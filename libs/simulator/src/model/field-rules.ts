/**
 * What the engine must know of an actor's fields beside their values: which do not matter, which are ids, which nodes.
 *
 * A pattern is a field's name (`nextId`), a name below a named field (`inFlight.id`), or the keys of a Map or Set
 * (`followers{}`). An array or Map has its field's role for what is in it (`isr` as a node: an array of nodes); an object
 * with numbers for keys is taken for a Map.
 */
export interface FieldRules {
  /** Not part of the fingerprint: counters, timestamps, statistics. The field is copied all the same. */
  readonly omit?: readonly string[]
  /** Never changed once made, like configurations: not copied, and hashed once. Frozen objects need no entry. */
  readonly constant?: readonly string[]
  /** The actor's own request ids: renamed in order of first use. Ids inside reply tokens need no entry. */
  readonly ids?: readonly string[]
  /** Node ids, for symmetry. `broker` of addresses and tokens needs no entry. */
  readonly nodes?: readonly string[]
  /** Arrays in which order means nothing (`isr`). Maps and Sets have none unless listed in `ordered`. */
  readonly unordered?: readonly string[]
  readonly ordered?: readonly string[]
}

/** A class with private fields, or one that knows better how it is copied and what of it counts. */
export interface ClassRule<Value = unknown> {
  // oxlint-disable-next-line no-explicit-any
  readonly type: abstract new (...args: any[]) => Value
  /** A copy that shares nothing mutable; `copy` copies what lies inside, keeping shared references. */
  clone(value: Value, copy: <Inner>(inner: Inner) => Inner): Value
  /** Plain data that is hashed in its place. */
  view(value: Value): unknown
  /** Everything in it, as plain data; needed where it has private fields, which nothing else can see. */
  exact?(value: Value): unknown
}
