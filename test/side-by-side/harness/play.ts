/** Plays a scenario to its end; a script that breaks off is a step of its own, so that both can be compared. */
import { Session, type Scenario, type Step, type Target } from './session.ts'

export async function playScenario(scenario: Scenario, target: Target): Promise<Step[]> {
  const session = new Session(target)
  try {
    await scenario.run(session)
  } catch (error) {
    session.note('the script broke off', String(error))
  }
  await session.closeAll()
  return session.steps
}
