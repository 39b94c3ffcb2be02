#ifndef GREET_H
#define GREET_H

#include <stddef.h>

/* Write a greeting for `name` into `text`, at most `size` bytes with the final zero; returns how many characters it has. */
int greet(char *text, size_t size, const char *name);

#endif
