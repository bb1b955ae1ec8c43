/** Kept for those who import it from here: the transition tables of all state machines are one thing. */
export * from '@troupe/actor/edges'
