/**
 * The wall clock of the actors: milliseconds since the epoch that never go back.
 *
 * Timers and session timeouts are in these milliseconds, so a clock that is set back by an hour must not freeze them
 * for an hour. A clock that is set forward (or a laptop that slept) is followed.
 */
export interface Clock {
  now(): number
}
