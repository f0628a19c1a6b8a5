/* A child of the shortest life: ends with the code that its argument names,
 * or by the signal, if that is below 0. Static where that can be linked. */
#include <stdlib.h>

#include <signal.h>

int main(int argc, char **argv)
{
    int code = argc > 1 ? atoi(argv[1]) : 0;

    if (code < 0)
        raise(-code);
    return code;
}
