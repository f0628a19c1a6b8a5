#include "config.h"

#include "machine.h"

#include "harness.h"

#include <signal.h>

const outcome_t outcome_killed = {-1, SIGKILL};
const outcome_t outcome_aborted = {-1, SIGABRT};
const outcome_t outcome_abort = {-1, SIGABRT};

int machine_limits_memory(void)
{
    return !test_in_sanitizer();
}
