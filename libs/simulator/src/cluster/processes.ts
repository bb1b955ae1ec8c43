/** How processes are numbered: brokers from 1 on, clients from here. */
export const firstClient = 1001
/** The process from which the run itself asks the cluster things. */
export const labProcess = 1000
