/** A module that exports its pipeline: worker threads import it. */
import { wordCount } from './support.ts'

export default wordCount()
