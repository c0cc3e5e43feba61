/*
 * Native calls that hang, planted before the C library (LD_PRELOAD): opening or closing a path hangs for as long as the file
 * $HANG_IN/<call>-<last part of the path> exists. The thread that made the call waits in the kernel meanwhile, as it does in a
 * driver that does not come back.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void hang(const char *call, const char *path) {
  const char *folder = getenv("HANG_IN");
  const char *last = strrchr(path, '/');
  char flag[PATH_MAX];
  if (folder == NULL) return;
  snprintf(flag, sizeof flag, "%s/%s-%s", folder, call, last == NULL ? path : last + 1);
  while (access(flag, F_OK) == 0) usleep(20000);
}

#define OPEN(name)                                                   \
  int name(const char *path, int flags, ...) {                       \
    int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, #name);   \
    va_list arguments;                                               \
    va_start(arguments, flags);                                      \
    int mode = va_arg(arguments, int);                               \
    va_end(arguments);                                               \
    hang("open", path);                                              \
    return real(path, flags, mode);                                  \
  }

OPEN(open)
OPEN(open64)

int close(int descriptor) {
  int (*real)(int) = dlsym(RTLD_NEXT, "close");
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length > 0) {
    path[length] = 0;
    hang("close", path);
  }
  return real(descriptor);
}
