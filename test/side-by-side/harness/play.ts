/** Plays a scenario to its end; a script that breaks off is a step of its own, so that both can be compared. */
import { Session, type Scenario, type Step, type Target } from './session.ts'

const prepared = new WeakSet<Target>()

/** The topics of coordinators come into being when somebody looks for one: scripts begin after that. */
async function prepare(target: Target): Promise<void> {
  if (prepared.has(target)) return
  prepared.add(target)
  const session = new Session(target)
  for (const keyType of [0, 1]) await session.do('FindCoordinator', 2, { key: 'x', keyType })
  await session.do('OffsetFetch', 5, { groupId: 'x', topics: null })
  await session.do('InitProducerId', 4, {
    transactionalId: 'x',
    transactionTimeoutMs: 1_000,
    producerId: -1,
    producerEpoch: -1,
  })
  await session.closeAll()
}

export async function playScenario(scenario: Scenario, target: Target): Promise<Step[]> {
  await prepare(target)
  const session = new Session(target)
  try {
    await scenario.run(session)
  } catch (error) {
    session.note('the script broke off', String(error))
  }
  await session.closeAll()
  return session.steps
}
