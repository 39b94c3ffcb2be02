#include "greet.h"

#include <stdio.h>

int greet(char *text, size_t size, const char *name)
{
    const char *greeting = "Hello";
    return snprintf(text, size, "%s, %s!", greeting, name);
}
