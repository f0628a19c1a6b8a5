/* Makes a seccomp filter out of lists of system call names, as a C header.
 *
 *     gen_syscalls ARCH LIST... > HEADER
 *
 * Runs on the build machine, linked with libseccomp, which is asked for the
 * numbers only: so no process of ours ever loads that library. ARCH is the
 * target in libseccomp's words (x86_64, aarch64 ...). The lists are joined;
 * the arrays are named after the first: foo.list gives
 *
 *     static const struct sock_filter foo_filter[];
 *     static const unsigned short foo_own_pid[];   ends with 0
 *
 * where foo_own_pid tells which instructions want the process id as their
 * constant: it is not known before the process runs. confine_linux.c takes
 * two headers, unix/syscalls_worker.h from syscalls_worker.list and
 * unix/syscalls_sanitizer.h from that and syscalls_sanitizer.list, if
 * HAVE_SYSCALL_FILTERS is defined.
 *
 * A list has one call a line; # starts a comment. A bare name allows the
 * call; a condition on one argument (counted from 0) narrows that:
 *
 *     fcntl 1 in F_GETFL F_GETFD       it is one of these
 *     mmap 2 without PROT_EXEC         it has none of these bits
 *
 * Only the lower 32 bits of an argument are looked at, which is all the
 * kernel reads of an int and all that a mask of 32 bits can say.
 *
 * The filter is a binary search over ranges of numbers. Calls on no list:
 * EPERM. clone3, and every number the library has no name for: ENOSYS, which
 * is what a program takes as "use the older call". Another architecture:
 * EPERM. (x32 numbers have a high bit set, so they are unknown ones.) */
#define _GNU_SOURCE

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/net.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define MAX_NUMBER 8192 /* beyond the numbers of every architecture we name */
#define MAX_RULES 256
#define MAX_CODE 4096
#define MAX_JUMP 255
#define MAX_WORDS 64
#define MAX_VALUES 24
#define MAX_ARG 5

typedef enum { IN, WITHOUT } op_t;

typedef struct value_t {
    unsigned long bits;
    int own_pid;
} value_t;

/* One line of a list. */
typedef struct rule_t {
    int number;
    int arg;
    op_t op;
    value_t values[MAX_VALUES];
    int n_values; /* 0: allowed whatever the arguments are */
} rule_t;

/* Constants for the lists, with the values of the build machine. Where an
 * architecture has its own (the ioctls on MIPS or SPARC), the
 * filter must be made on that one. */
#define CONSTANT(name) #name, (unsigned long)(name)
static const struct {
    const char *name;
    unsigned long bits;
} constants[] = {
    {CONSTANT(FIONREAD)},
    {CONSTANT(FUTEX_CLOCK_REALTIME)},
    {CONSTANT(FUTEX_PRIVATE_FLAG)},
    {CONSTANT(FUTEX_WAIT)},
    {CONSTANT(FUTEX_WAIT_BITSET)},
    {CONSTANT(FUTEX_WAKE)},
    {CONSTANT(F_ADD_SEALS)},
    {CONSTANT(F_DUPFD)},
    {CONSTANT(F_DUPFD_CLOEXEC)},
    {CONSTANT(F_GETFD)},
    {CONSTANT(F_GETFL)},
    {CONSTANT(F_GET_SEALS)},
    {CONSTANT(F_SETFD)},
    {CONSTANT(MADV_DODUMP)},
    {CONSTANT(MADV_DONTDUMP)},
    {CONSTANT(MADV_DONTNEED)},
    {CONSTANT(MADV_FREE)},
    {CONSTANT(MADV_HUGEPAGE)},
    {CONSTANT(MADV_NOHUGEPAGE)},
    {CONSTANT(MADV_NORMAL)},
    {CONSTANT(MFD_HUGETLB)},
    {CONSTANT(PROT_EXEC)},
    {CONSTANT(PR_GET_DUMPABLE)},
    {CONSTANT(PR_SET_NAME)},
    {CONSTANT(PR_SET_VMA)},
    {CONSTANT(SYS_GETSOCKNAME)},
    {CONSTANT(SYS_GETSOCKOPT)},
    {CONSTANT(SYS_RECV)},
    {CONSTANT(SYS_RECVFROM)},
    {CONSTANT(SYS_RECVMSG)},
    {CONSTANT(SYS_SEND)},
    {CONSTANT(SYS_SENDMSG)},
    {CONSTANT(SYS_SENDTO)},
    {CONSTANT(SYS_SHUTDOWN)},
    {CONSTANT(TCGETS)},
    {CONSTANT(TIOCGWINSZ)},
};

static rule_t rules[MAX_RULES];
static int n_rules;

static struct sock_filter code[MAX_CODE];
static int n_code;

/* Which constants are the process id. */
static int own_pid_at[MAX_CODE];
static int n_own_pid;

static void die(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)fputs("gen_syscalls: ", stderr);
    (void)vfprintf(stderr, format, args);
    (void)fputc('\n', stderr);
    va_end(args);
    exit(1);
}

/* Words of a list. */

static value_t parse_value(const char *word, const char *where)
{
    value_t value = {0, 0};
    char *end;
    size_t len;
    size_t i;

    if (strcmp(word, "OWN_PID") == 0) {
        value.own_pid = 1;
        return value;
    }
    value.bits = strtoul(word, &end, 0);
    if (end != word && *end == '\0')
        return value;
    value.bits = 0;
    for (;;) {
        len = strcspn(word, "|");
        for (i = 0; i < sizeof(constants) / sizeof(constants[0]); i++)
            if (strlen(constants[i].name) == len
                && memcmp(constants[i].name, word, len) == 0)
                break;
        if (i == sizeof(constants) / sizeof(constants[0]))
            die("%s: unknown constant %s", where, word);
        value.bits |= constants[i].bits;
        if (word[len] == '\0')
            return value;
        word += len + 1;
    }
}

/* The condition that follows the name of the call. */
static void parse_condition(rule_t *rule, char **words, int n_words,
                            const char *where)
{
    char *end;
    int i;

    if (n_words < 4)
        die("%s: a condition is ARGUMENT in|without VALUE...", where);
    rule->arg = (int)strtol(words[1], &end, 10);
    if (*end != '\0' || rule->arg < 0 || rule->arg > MAX_ARG)
        die("%s: no such argument: %s", where, words[1]);
    if (strcmp(words[2], "in") == 0)
        rule->op = IN;
    else if (strcmp(words[2], "without") == 0)
        rule->op = WITHOUT;
    else
        die("%s: neither in nor without: %s", where, words[2]);
    if (n_words - 3 > MAX_VALUES)
        die("%s: more than %d values", where, MAX_VALUES);
    for (i = 3; i < n_words; i++)
        rule->values[rule->n_values++] = parse_value(words[i], where);
}

static rule_t *find_rule(int number)
{
    int i;

    for (i = 0; i < n_rules; i++)
        if (rules[i].number == number)
            return &rules[i];
    return NULL;
}

static void parse_line(uint32_t arch, char *line, const char *where)
{
    char *words[MAX_WORDS];
    rule_t *rule;
    char *word;
    int n_words = 0;
    int number;

    line[strcspn(line, "#\n")] = '\0';
    for (word = strtok(line, " \t"); word; word = strtok(NULL, " \t")) {
        if (n_words == MAX_WORDS)
            die("%s: more than %d words", where, MAX_WORDS);
        words[n_words++] = word;
    }
    if (n_words == 0)
        return;
    number = seccomp_syscall_resolve_name_arch(arch, words[0]);
    if (number == __NR_SCMP_ERROR)
        die("%s: unknown system call %s", where, words[0]);
    if (number < 0)
        return; /* known, but this architecture does without it */
    /* Where there is mmap2, mmap may take its arguments in memory. */
    if (strcmp(words[0], "mmap") == 0
        && seccomp_syscall_resolve_name_arch(arch, "mmap2") >= 0)
        return;
    if (number >= MAX_NUMBER)
        die("%s: number is too large: %s", where, words[0]);
    if (n_rules == MAX_RULES)
        die("%s: more than %d lines", where, MAX_RULES);
    if (find_rule(number))
        die("%s: listed twice: %s", where, words[0]);
    rule = &rules[n_rules++];
    rule->number = number;
    if (n_words > 1)
        parse_condition(rule, words, n_words, where);
}

static void read_list(uint32_t arch, const char *path)
{
    char where[512];
    char line[512];
    FILE *file;
    int n = 0;

    file = fopen(path, "r");
    if (!file)
        die("%s: %s", path, strerror(errno));
    while (fgets(line, sizeof(line), file)) {
        (void)snprintf(where, sizeof(where), "%s:%d", path, ++n);
        if (!strchr(line, '\n'))
            die("%s: no end of line", where);
        parse_line(arch, line, where);
    }
    if (ferror(file))
        die("%s: %s", path, strerror(errno));
    (void)fclose(file);
}

/* Instructions. */

static int emit(unsigned op, unsigned long k, int jt, int jf)
{
    if (n_code == MAX_CODE)
        die("filter is longer than %d instructions", MAX_CODE);
    if (jt > MAX_JUMP || jf > MAX_JUMP)
        die("jump is too long");
    code[n_code].code = (unsigned short)op;
    code[n_code].jt = (unsigned char)jt;
    code[n_code].jf = (unsigned char)jf;
    code[n_code].k = (unsigned)k;
    return n_code++;
}

static int distance(int from)
{
    if (n_code - from - 1 > MAX_JUMP)
        die("jump is too long");
    return n_code - from - 1;
}

static void emit_return(unsigned action)
{
    (void)emit(BPF_RET | BPF_K, action, 0, 0);
}

/* Look at the argument, then allow or refuse. */
static void emit_rule(uint32_t arch, const rule_t *rule)
{
    unsigned offset;
    unsigned long mask = 0;
    int i;

    offset = (unsigned)(offsetof(struct seccomp_data, args)
                        + 8 * (unsigned)rule->arg);
    if (!(arch & __AUDIT_ARCH_LE))
        offset += 4;
    (void)emit(BPF_LD | BPF_W | BPF_ABS, offset, 0, 0);
    if (rule->op == WITHOUT) {
        for (i = 0; i < rule->n_values; i++)
            mask |= rule->values[i].bits;
        (void)emit(BPF_JMP | BPF_JSET | BPF_K, mask, 0, 1);
    }
    else {
        for (i = 0; i < rule->n_values; i++) {
            if (rule->values[i].own_pid)
                own_pid_at[n_own_pid++] = n_code;
            (void)emit(BPF_JMP | BPF_JEQ | BPF_K, rule->values[i].bits,
                       rule->n_values - i, 0);
        }
    }
    emit_return(SECCOMP_RET_ERRNO | EPERM);
    emit_return(SECCOMP_RET_ALLOW);
}

/* What becomes of a number: an action, or 0 for one with a condition. */
static unsigned action_of(uint32_t arch, int clone3, int number)
{
    const rule_t *rule = find_rule(number);
    char *name;

    if (rule)
        return rule->n_values > 0 ? 0 : SECCOMP_RET_ALLOW;
    if (number == clone3)
        return SECCOMP_RET_ERRNO | ENOSYS;
    name = seccomp_syscall_resolve_num_arch(arch, number);
    if (!name)
        return SECCOMP_RET_ERRNO | ENOSYS;
    free(name);
    return SECCOMP_RET_ERRNO | EPERM;
}

/* Binary search over ranges first[0..n), the number being loaded. */
static void emit_tree(uint32_t arch, const int *first, const unsigned *actions,
                      int n)
{
    int node;

    if (n == 1) {
        if (actions[0] == 0)
            emit_rule(arch, find_rule(first[0]));
        else
            emit_return(actions[0]);
        return;
    }
    node = emit(BPF_JMP | BPF_JGE | BPF_K, (unsigned)first[n / 2], 0, 0);
    emit_tree(arch, first, actions, n / 2);
    code[node].jt = (unsigned char)distance(node);
    emit_tree(arch, first + n / 2, actions + n / 2, n - n / 2);
}

static void emit_filter(uint32_t arch)
{
    static int first[MAX_NUMBER + 1];
    static unsigned actions[MAX_NUMBER + 1];
    unsigned action;
    int clone3;
    int n = 0;
    int i;

    clone3 = seccomp_syscall_resolve_name_arch(arch, "clone3");
    for (i = 0; i <= MAX_NUMBER; i++) {
        action = action_of(arch, clone3, i);
        if (n > 0 && action != 0 && action == actions[n - 1])
            continue;
        first[n] = i;
        actions[n++] = action;
    }
    (void)emit(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch),
               0, 0);
    (void)emit(BPF_JMP | BPF_JEQ | BPF_K, arch, 1, 0);
    emit_return(SECCOMP_RET_ERRNO | EPERM);
    (void)emit(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0,
               0);
    emit_tree(arch, first, actions, n);
}

/* Print the header; `name` has `len` bytes. */
static void print_header(const char *arch, const char *name, int len)
{
    int i;

    (void)printf("/* Made by gen_syscalls for %s. */\n"
                 "static const struct sock_filter %.*s_filter[] = {\n",
                 arch, len, name);
    for (i = 0; i < n_code; i++)
        (void)printf("    {0x%02x, %u, %u, 0x%08xu},\n", code[i].code,
                     code[i].jt, code[i].jf, (unsigned)code[i].k);
    (void)printf("};\nstatic const unsigned short %.*s_own_pid[] = {", len,
                 name);
    for (i = 0; i < n_own_pid; i++)
        (void)printf("%d, ", own_pid_at[i]);
    (void)printf("0};\n");
    if (fflush(stdout) != 0 || ferror(stdout))
        die("cannot write: %s", strerror(errno));
}

int main(int argc, char **argv)
{
    const char *name;
    uint32_t arch;
    int i;

    if (argc < 3)
        die("usage: gen_syscalls ARCH LIST... > HEADER");
    arch = seccomp_arch_resolve_name(argv[1]);
    if (arch == 0)
        die("unknown architecture %s", argv[1]);
    /* Here mmap takes its arguments in memory, where no filter can look. */
    if (arch == SCMP_ARCH_S390 || arch == SCMP_ARCH_S390X)
        die("no filter for %s", argv[1]);
    for (i = 2; i < argc; i++)
        read_list(arch, argv[i]);
    emit_filter(arch);
    name = strrchr(argv[2], '/');
    name = name ? name + 1 : argv[2];
    print_header(argv[1], name, (int)strcspn(name, "."));
    return 0;
}
