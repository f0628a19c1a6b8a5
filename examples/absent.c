/* Stands for an example whose library configure has not found. */
#include <stdio.h>

int main(void)
{
    puts("SKIP: without its library");
    return 77; /* to automake: skipped */
}
