/* A disk that fails at an announced operation, for tests. Loaded with LD_PRELOAD, it counts what
   happens to files below FAIL_FOLDER: (m)ake a folder, (c)reate, (w)rite, (s)ync, (r)ename, (l)ink.

   FAIL_AT      the number of the operation that fails, from 1
   FAIL_ERRNO   the error
   FAIL_FULL    if set, the disk is full from there on: half of the bytes are written, then nothing
   FAIL_LOG     a file that gets a line for each operation */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static long done;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static long number(const char *name) {
    const char *text = getenv(name);
    return text ? atol(text) : 0;
}

static int here(const char *path) {
    const char *folder = getenv("FAIL_FOLDER");
    char whole[2 * PATH_MAX] = "";
    if (!folder || !path)
        return 0;
    if (path[0] != '/' && getcwd(whole, PATH_MAX))
        strcat(whole, "/");
    strncat(whole, path, PATH_MAX - 1);
    return strncmp(whole, folder, strlen(folder)) == 0;
}

static void record(char kind, const char *path) {
    const char *log = getenv("FAIL_LOG");
    char line[PATH_MAX + 4];
    if (!log)
        return;
    int file = syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND, 0666);
    int size = snprintf(line, sizeof line, "%c %s\n", kind, path);
    syscall(SYS_write, file, line, size);
    syscall(SYS_close, file);
}

/* 0: goes well; 1: fails; 2: is cut in half */
static int fate(char kind, const char *path) {
    if (!here(path))
        return 0;
    record(kind, path);
    long now = __atomic_add_fetch(&done, 1, __ATOMIC_SEQ_CST), at = number("FAIL_AT");
    int full = getenv("FAIL_FULL") != NULL && at > 0;
    errno = number("FAIL_ERRNO");
    if (full && now > at)
        return strchr("mcwl", kind) != NULL;
    if (now != at)
        return 0;
    return full && kind == 'w' ? 2 : 1;
}

static int fate_of_open(int file, char kind) {
    char link[64], path[PATH_MAX];
    struct stat state;
    if (!getenv("FAIL_FOLDER") || fstat(file, &state) || S_ISSOCK(state.st_mode))
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size < 0)
        return 0;
    path[size] = 0;
    return fate(kind, path);
}

#define OPEN(name, parameters, arguments)                                                          \
    int name parameters {                                                                          \
        va_list rest;                                                                              \
        va_start(rest, flags);                                                                     \
        mode_t mode = va_arg(rest, mode_t);                                                        \
        va_end(rest);                                                                              \
        if ((flags & O_CREAT) && fate('c', path))                                                  \
            return -1;                                                                             \
        return REAL(name) arguments;                                                               \
    }
#define OPEN_IN(name)                                                                              \
    OPEN(name, (int folder, const char *path, int flags, ...), (folder, path, flags, mode))
OPEN(open, (const char *path, int flags, ...), (path, flags, mode))
OPEN(open64, (const char *path, int flags, ...), (path, flags, mode))
OPEN_IN(openat)
OPEN_IN(openat64)

ssize_t write(int file, const void *bytes, size_t size) {
    int end = file > 2 ? fate_of_open(file, 'w') : 0;
    return end == 1 ? -1 : REAL(write)(file, bytes, end == 2 ? (size + 1) / 2 : size);
}

ssize_t writev(int file, const struct iovec *parts, int count) {
    return fate_of_open(file, 'w') ? -1 : REAL(writev)(file, parts, count);
}

ssize_t pwrite(int file, const void *bytes, size_t size, off_t at) {
    return fate_of_open(file, 'w') ? -1 : REAL(pwrite)(file, bytes, size, at);
}

ssize_t pwrite64(int file, const void *bytes, size_t size, off64_t at) {
    return fate_of_open(file, 'w') ? -1 : REAL(pwrite64)(file, bytes, size, at);
}

int fsync(int file) { return fate_of_open(file, 's') ? -1 : REAL(fsync)(file); }

int rename(const char *from, const char *to) { return fate('r', to) ? -1 : REAL(rename)(from, to); }

int renameat(int a, const char *from, int b, const char *to) {
    return fate('r', to) ? -1 : REAL(renameat)(a, from, b, to);
}

int link(const char *from, const char *to) { return fate('l', to) ? -1 : REAL(link)(from, to); }

int linkat(int a, const char *from, int b, const char *to, int flags) {
    return fate('l', to) ? -1 : REAL(linkat)(a, from, b, to, flags);
}

int mkdir(const char *path, mode_t mode) {
    return access(path, F_OK) && fate('m', path) ? -1 : REAL(mkdir)(path, mode);
}
