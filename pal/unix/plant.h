/* Faults that a test plants in its own copies of the files that start
 * children, to see that it notices them. The library has none. */
#ifndef PAL_PLANT_H
#define PAL_PLANT_H

#ifdef PAL_WITH_PLANTS

typedef enum {
    PLANT_NONE,
    PLANT_NO_CUT,    /* the child works on the parent's table */
    PLANT_OPEN_REST, /* what lies above the last number is not closed */
    PLANT_OPEN_GAPS, /* nor what lies between the numbers */
    PLANT_SIGNALS    /* signals are not blocked */
} pal__plant_t;

extern pal__plant_t pal__plant;

#    define PLANTED(plant) (pal__plant == (plant))

#else

#    define PLANTED(plant) 0

#endif
#endif
