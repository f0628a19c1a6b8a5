/* What systems do differently and tests see. */
#ifndef TESTS_MACHINE_H
#define TESTS_MACHINE_H

/* As from pal_process_exit_code and pal_process_exit_signal. */
typedef struct outcome_t {
    int code;
    int signal;
} outcome_t;

extern const outcome_t outcome_killed;  /* by pal_process_kill */
extern const outcome_t outcome_aborted; /* by pal_process_abort */
extern const outcome_t outcome_abort;   /* it called abort itself */

/* Does PAL_LIMIT_MEMORY have an effect? Wine accepts it and does nothing. */
int machine_limits_memory(void);

#endif
