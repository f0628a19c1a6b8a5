/* Job objects. */
#ifndef PAL_JOB_WIN32_H
#define PAL_JOB_WIN32_H

#include <pal/job.h>

#include <windows.h>

/* The object of an open job; of the job in which all children are that die
 * with this process and have no other: it is made when first asked for, and
 * stays. NULL if it cannot be had; GetLastError tells. Threads: any. */
HANDLE pal__job_object(pal_job_t *job);
HANDLE pal__job_of_children(void);

#endif
