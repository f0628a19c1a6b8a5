/* What Wine's headers lack and those of Windows have: for check-msvc.sh only.
 *
 * They also define __attribute__ away, which clang's intrinsics need; so
 * <intrin.h> is kept out, and what pal uses of it is declared here. */
#define __INTRIN_H

void __debugbreak(void);
long _InterlockedCompareExchange(long volatile *at, long value, long expected);
long _InterlockedExchange(long volatile *at, long value);
__int64 _InterlockedCompareExchange64(__int64 volatile *at, __int64 value,
                                      __int64 expected);
__int64 _InterlockedExchange64(__int64 volatile *at, __int64 value);

#define PIPE_REJECT_REMOTE_CLIENTS 8
int __cdecl _wputenv_s(const unsigned short *name,
                       const unsigned short *value);
int __stdcall SetProcessMitigationPolicy(int policy, void *buf,
                                         unsigned __int64 len);

#define JobObjectCpuRateControlInformation ((JOBOBJECTINFOCLASS)15)
#define JOB_OBJECT_CPU_RATE_CONTROL_ENABLE 1
#define JOB_OBJECT_CPU_RATE_CONTROL_HARD_CAP 4
typedef struct {
    unsigned long ControlFlags;
    unsigned long CpuRate;
} JOBOBJECT_CPU_RATE_CONTROL_INFORMATION;
