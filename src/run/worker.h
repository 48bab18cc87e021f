/*
 * Worker: the process that runs one task and reports to its supervisor.
 */
#ifndef LH_RUN_WORKER_H
#define LH_RUN_WORKER_H

/* The hidden word that starts this program as a worker. */
#define LH_WORKER_COMMAND "_worker"

/* Reads a job from standard input, runs it, reports on LH_REPORT_FD; returns the exit status. */
int lh_worker_main(void);

#endif
