#include "config.h"

#include "../process_private.h"
#include "pidfd.h"
#include "process_unix.h"
#include "spawn_unix.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Where programs are without a PATH. */
#define DEFAULT_PATH "/bin:/usr/bin"

/* What a launch opens and closes again. */
typedef struct launch_t {
    pal_process_t *process;
    int null_fd;            /* or -1 */
    int ends[PAL__N_STDIO]; /* of its pipes, the child's; or -1 */
    char **programs;        /* to try, or NULL */
    const char *path[2];    /* the same for a single one */
} launch_t;

extern char **environ;

apr_status_t pal__environment_get(char ***ret_environment)
{
    *ret_environment = environ;
    return APR_SUCCESS;
}

void pal__environment_put(char **environment)
{
    (void)environment;
}

int pal__environment_is_name(const char *a, const char *b, apr_size_t len)
{
    return memcmp(a, b, len) == 0;
}

intptr_t pal__given_value(const pal__given_t *given)
{
    return given->number;
}

/* The PATH of `envp`. */
static const char *search_path(char *const *envp)
{
    for (; *envp != NULL; envp++)
        if (strncmp(*envp, "PATH=", 5) == 0)
            return *envp + 5;
    return DEFAULT_PATH;
}

/* All places where `name` may be, in one block: the list and its strings. An
 * empty folder is the working one. NULL without memory. */
static char **list_places(const char *name, const char *path)
{
    size_t name_len = strlen(name), n = 1, len;
    const char *at;
    char **places, **place, *text;

    for (at = path; *at != '\0'; at++)
        n += *at == ':';
    places = malloc((n + 1) * sizeof(*places) + strlen(path) + 1
                    + n * (name_len + 2));
    if (places == NULL)
        return NULL;
    text = (char *)(places + n + 1);
    for (place = places; place < places + n; place++) {
        len = strcspn(path, ":");
        *place = text;
        memcpy(text, path, len);
        text += len;
        if (len > 0)
            *text++ = '/';
        memcpy(text, name, name_len + 1);
        text += name_len + 1;
        path += len + (path[len] == ':');
    }
    *place = NULL;
    return places;
}

static int find_programs(launch_t *launch, pal__spawn_t *spawn)
{
    const pal_command_t *command = spawn->command;

    if (command->program_kind == PAL__PROGRAM_SEARCH
        && strchr(command->program, '/') == NULL) {
        if (*command->program == '\0')
            return ENOENT;
        launch->programs =
            list_places(command->program, search_path(spawn->envp));
        if (launch->programs == NULL)
            return ENOMEM;
        spawn->programs = launch->programs;
    }
    else if (command->program_kind == PAL__PROGRAM_PATH
             || command->program_kind == PAL__PROGRAM_SEARCH) {
        launch->path[0] = command->program;
        spawn->programs = (char *const *)launch->path;
    }
    return 0;
}

static int is_open(pal_handle_t handle)
{
    return handle >= 0 && handle <= INT_MAX
           && fcntl((int)handle, F_GETFD) >= 0;
}

/* The step that would take a handle that is not open, or PAL_STEP_NONE. Asked
 * before anything of ours can get its number, and go to the child for it. */
static pal_step_t find_closed(const pal_command_t *command)
{
    const pal__rule_t *rule;
    int i;

    if (command->cgroup != PAL_HANDLE_NONE && !is_open(command->cgroup))
        return PAL_STEP_CGROUP;
    if (command->terminal != PAL_HANDLE_NONE && !is_open(command->terminal))
        return PAL_STEP_SESSION;
    if (command->folder == NULL && command->folder_handle != PAL_HANDLE_NONE
        && !is_open(command->folder_handle))
        return PAL_STEP_FOLDER;
    if (command->program_kind == PAL__PROGRAM_HANDLE
        && !is_open(command->program_handle))
        return PAL_STEP_HANDLES;
    for (i = 0; i < command->n_given; i++)
        if (!is_open(command->given[i].handle))
            return PAL_STEP_HANDLES;
    for (rule = command->rules; rule != NULL; rule = rule->next)
        if (rule->path == NULL && !is_open(rule->handle))
            return PAL_STEP_LANDLOCK;
    return PAL_STEP_NONE;
}

/* Add what the child gets at `number`. */
static void place(pal__spawn_t *spawn, int from, int number)
{
    spawn->from[spawn->n_handles] = from;
    spawn->to[spawn->n_handles] = number;
    spawn->n_handles++;
}

/* A new pipe; our end stays with the process. */
static int open_pipe(launch_t *launch, int number)
{
    int ours = number == 0; /* to write */
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0)
        return errno;
    launch->process->pipes[number] = ends[ours];
    launch->ends[number] = ends[!ours];
    return 0;
}

/* Place one of stdio that no handle was given for. The null device stands for
 * one that is closed here, because a program without stdin gets its first
 * file as stdin; and for a number that is close-on-exec here, because then it
 * is no stdio but somebody's handle that took a closed number. */
static int place_stdio(launch_t *launch, pal__spawn_t *spawn, int number)
{
    pal_stdio_t stdio = spawn->command->stdio[number];
    int last = spawn->n_handles - 1, err;

    if (stdio == PAL_STDIO_CLOSED)
        return 0;
    if (stdio == PAL_STDIO_STDOUT) {
        if (last >= 0 && spawn->to[last] == 1)
            place(spawn, spawn->from[last], number);
        return 0;
    }
    if (stdio == PAL_STDIO_PIPE) {
        err = open_pipe(launch, number);
        if (err == 0)
            place(spawn, launch->ends[number], number);
        return err;
    }
    if (stdio == PAL_STDIO_INHERIT && fcntl(number, F_GETFD) == 0) {
        place(spawn, number, number);
        return 0;
    }
    if (launch->null_fd < 0)
        launch->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (launch->null_fd < 0)
        return errno;
    place(spawn, launch->null_fd, number);
    return 0;
}

/* Fill the list of descriptors. */
static int place_all(launch_t *launch, pal__spawn_t *spawn)
{
    const pal__given_t *given = spawn->command->given;
    const pal__given_t *end = given + spawn->command->n_given;
    struct rlimit limit;
    int number, err;

    for (number = 0; number < PAL__N_STDIO; number++) {
        if (given < end && given->number == number) {
            place(spawn, (int)(given++)->handle, number);
            continue;
        }
        err = place_stdio(launch, spawn, number);
        if (err != 0)
            return err;
    }
    for (; given < end; given++)
        place(spawn, (int)given->handle, given->number);
    /* The kernel's answer to a number beyond the limit is EBADF, which is
     * what a closed handle gets. */
    if (spawn->n_handles > 0 && getrlimit(RLIMIT_NOFILE, &limit) == 0
        && (rlim_t)spawn->to[spawn->n_handles - 1] >= limit.rlim_cur)
        return EMFILE;
    return 0;
}

/* Start the child and see to it that its end will be told. */
static int start(launch_t *launch, pal__spawn_t *spawn)
{
    pal_step_t step = find_closed(spawn->command);
    int err;

    if (step != PAL_STEP_NONE) {
        spawn->step = step;
        return EBADF;
    }
    if (spawn->command->windows != 0
        && spawn->command->modes[PAL_STEP_PRIVILEGES] == PAL_CONFINE_STRICT) {
        spawn->step = PAL_STEP_PRIVILEGES;
        return APR_ENOTIMPL;
    }
    err = find_programs(launch, spawn);
    if (err == 0)
        err = place_all(launch, spawn);
    if (err == 0 && !pal__pidfd_is_there())
        err = pal__process_expect(launch->process);
    if (err != 0)
        return err;
    pal__spawn(spawn);
    if (spawn->err != 0)
        return spawn->err;
    launch->process->held = spawn->held;
    if (spawn->command->windows != 0)
        launch->process->held &= ~(1u << PAL_STEP_PRIVILEGES);
    err = pal__process_follow(launch->process, spawn->pid, spawn->pidfd);
    if (err != 0) {
        (void)kill(spawn->pid, SIGKILL);
        while (waitpid(spawn->pid, NULL, 0) < 0 && errno == EINTR)
            continue;
        spawn->step = PAL_STEP_CLONE;
    }
    return err;
}

apr_status_t pal__process_launch(pal_process_t **ret_process,
                                 const pal_command_t *command,
                                 const pal__job_entry_t *entry,
                                 char *const *argv, char *const *envp,
                                 pal_step_t *ret_step)
{
    launch_t launch = {NULL, -1, {-1, -1, -1}, NULL, {NULL, NULL}};
    pal__spawn_t spawn;
    int err, i;

    *ret_step = PAL_STEP_PREPARE;
    launch.process = pal__process_new();
    if (launch.process == NULL)
        return APR_ENOMEM;
    spawn.command = command;
    spawn.entry = entry;
    spawn.programs = NULL;
    spawn.argv = argv;
    spawn.envp = envp;
    spawn.n_handles = 0;
    spawn.step = PAL_STEP_PREPARE;
    err = start(&launch, &spawn);
    if (launch.null_fd >= 0)
        (void)close(launch.null_fd);
    for (i = 0; i < PAL__N_STDIO; i++)
        if (launch.ends[i] >= 0)
            (void)close(launch.ends[i]);
    free(launch.programs);
    if (err != 0) {
        *ret_step = spawn.step;
        pal__process_free(launch.process);
        return err;
    }
    *ret_process = launch.process;
    return APR_SUCCESS;
}
