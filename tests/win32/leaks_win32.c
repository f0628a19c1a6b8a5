#include "leaks.h"

#include "win32/job_win32.h"

#include <apr_tables.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <windows.h>

#include <tlhelp32.h>
#include <winternl.h>

/* All handles of all processes, which the system's header leaves out.
 * GetProcessHandleCount would be simpler, but Wine's always says 0. */
#define ALL_HANDLES ((SYSTEM_INFORMATION_CLASS)64)
#define TOO_SHORT ((NTSTATUS)0xC0000004L)

typedef struct handle_row_t {
    PVOID object;
    ULONG_PTR pid;
    ULONG_PTR value;
    ULONG access;
    USHORT backtrace;
    USHORT type;
    ULONG attributes;
    ULONG reserved;
} handle_row_t;

typedef struct handle_table_t {
    ULONG_PTR n_rows;
    ULONG_PTR reserved;
    handle_row_t rows[1];
} handle_table_t;

struct leaks_t {
    apr_array_header_t *values; /* ULONG_PTR */
};

static PTP_TIMER timer;
static PTP_WAIT wait;
static const char *hang_message;

static void CALLBACK do_nothing(PTP_CALLBACK_INSTANCE instance, void *baton)
{
    (void)instance;
    (void)baton;
}

static void CALLBACK on_deadline(PTP_CALLBACK_INSTANCE instance, void *baton,
                                 PTP_TIMER fired)
{
    DWORD n_written;

    (void)instance;
    (void)baton;
    (void)fired;
    WriteFile(GetStdHandle(STD_OUTPUT_HANDLE), hang_message,
              (DWORD)strlen(hang_message), &n_written, NULL);
    TerminateProcess(GetCurrentProcess(), 1);
}

static void CALLBACK on_wait(PTP_CALLBACK_INSTANCE instance, void *baton,
                             PTP_WAIT waited, TP_WAIT_RESULT result)
{
    (void)instance;
    (void)baton;
    (void)waited;
    (void)result;
}

/* The thread pool opens handles once, which are nobody's leak; those for waits
 * it keeps as long as there is one. */
static void start_what_stays(void)
{
    HANDLE never;

    if (timer != NULL)
        return;
    timer = CreateThreadpoolTimer(on_deadline, NULL, NULL);
    wait = CreateThreadpoolWait(on_wait, NULL, NULL);
    never = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (timer == NULL || wait == NULL || never == NULL
        || !TrySubmitThreadpoolCallback(do_nothing, NULL, NULL)
        || pal__job_of_children() == NULL) {
        fprintf(stderr, "no thread pool or job: error %lu\n", GetLastError());
        exit(1);
    }
    SetThreadpoolWait(wait, never, NULL);
}

static handle_table_t *read_table(void)
{
    ULONG size = 1 << 16;
    handle_table_t *table = malloc(size);
    NTSTATUS status = TOO_SHORT;

    while (table != NULL) {
        status = NtQuerySystemInformation(ALL_HANDLES, table, size, NULL);
        if (status != TOO_SHORT)
            break;
        free(table);
        size *= 2;
        table = malloc(size);
    }
    if (table == NULL || status != 0) {
        fprintf(stderr, "cannot list handles: %#lx\n", (ULONG)status);
        exit(1);
    }
    return table;
}

leaks_t *leaks_snapshot(apr_pool_t *pool)
{
    leaks_t *now = apr_palloc(pool, sizeof(*now));
    handle_table_t *table;
    ULONG_PTR i;

    start_what_stays();
    now->values = apr_array_make(pool, 64, sizeof(ULONG_PTR));
    table = read_table();
    for (i = 0; i < table->n_rows; i++)
        if (table->rows[i].pid == GetCurrentProcessId())
            APR_ARRAY_PUSH(now->values, ULONG_PTR) = table->rows[i].value;
    free(table);
    return now;
}

static int is_in(const leaks_t *leaks, ULONG_PTR value)
{
    int i;

    for (i = 0; i < leaks->values->nelts; i++)
        if (APR_ARRAY_IDX(leaks->values, i, ULONG_PTR) == value)
            return 1;
    return 0;
}

static void print_handle(ULONG_PTR value)
{
    union {
        PUBLIC_OBJECT_TYPE_INFORMATION info;
        char room[1024];
    } type;
    NTSTATUS status = NtQueryObject((HANDLE)value, ObjectTypeInformation,
                                    &type, sizeof(type), NULL);

    if (status == 0)
        printf("  left open: handle %#llx (%.*ls)\n",
               (unsigned long long)value,
               (int)(type.info.TypeName.Length / sizeof(WCHAR)),
               type.info.TypeName.Buffer);
    else
        printf("  left open: handle %#llx\n", (unsigned long long)value);
}

static int report_handles(const leaks_t *before, int is_quiet,
                          apr_pool_t *pool)
{
    leaks_t *now = leaks_snapshot(pool);
    int i, n = 0;

    for (i = 0; i < now->values->nelts; i++) {
        ULONG_PTR value = APR_ARRAY_IDX(now->values, i, ULONG_PTR);

        if (!is_in(before, value)) {
            if (!is_quiet)
                print_handle(value);
            n++;
        }
    }
    return n;
}

static int report_children(void)
{
    HANDLE list = CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0);
    PROCESSENTRY32W entry;
    BOOL more;
    int n = 0;

    if (list == INVALID_HANDLE_VALUE) {
        fprintf(stderr, "cannot list processes: error %lu\n", GetLastError());
        exit(1);
    }
    entry.dwSize = sizeof(entry);
    for (more = Process32FirstW(list, &entry); more;
         more = Process32NextW(list, &entry)) {
        HANDLE child;

        if (entry.th32ParentProcessID != GetCurrentProcessId())
            continue;
        child = OpenProcess(PROCESS_TERMINATE | SYNCHRONIZE, FALSE,
                            entry.th32ProcessID);
        if (child == NULL)
            continue; /* ended since */
        if (WaitForSingleObject(child, 0) == WAIT_TIMEOUT) {
            printf("  left behind: child %lu (%ls)\n", entry.th32ProcessID,
                   entry.szExeFile);
            TerminateProcess(child, 1);
            n++;
        }
        CloseHandle(child);
    }
    CloseHandle(list);
    return n;
}

int leaks_report(const leaks_t *before, apr_pool_t *pool)
{
    int i;

    /* What was closed during a write goes when the thread pool learns of the
     * end of that. */
    for (i = 0; i < 200 && report_handles(before, 1, pool) > 0; i++)
        Sleep(10);
    return report_handles(before, 0, pool) + report_children();
}

void deadline_arm(int seconds, const char *message)
{
    LARGE_INTEGER due; /* in units of 100 ns, negative: from now on */
    FILETIME time;

    hang_message = message;
    due.QuadPart = -10000000LL * seconds;
    time.dwLowDateTime = due.LowPart;
    time.dwHighDateTime = (DWORD)due.HighPart;
    SetThreadpoolTimer(timer, &time, 0, 0);
}

void deadline_disarm(void)
{
    SetThreadpoolTimer(timer, NULL, 0, 0);
    WaitForThreadpoolTimerCallbacks(timer, TRUE);
}
