/** Why a mutant lives: what people found out, kept beside the guard's text so that line numbers may move. */
export interface Note {
  readonly file: string
  /** As the table shows it. */
  readonly text: string
  /** Default: both. */
  readonly to?: boolean
  readonly why: string
}

export const notes: readonly Note[] = []
