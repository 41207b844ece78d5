/* Simulates a power cut in tests. Load it with LD_PRELOAD.
 *
 * For files below the directory POWER_ROOT, it records each write that is not synced yet, with the
 * previous content. At operation number POWER_OFF_AT (writes, truncations and syncs count, from 1)
 * the power goes off: unsynced writes are undone, all of them or, with a POWER_SEED other than 0,
 * each with a probability of one half, because disks write in any order. Files whose directory was
 * not synced after their creation are removed. Then the process kills itself. With POWER_LIES set,
 * syncs do nothing, as on a disk that ignores them: a test checks that the loss is detected. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct undo {
    struct undo *before;
    dev_t device;
    ino_t inode;
    int file;         /* a handle of our own */
    off_t offset;
    size_t length;    /* of what was there */
    off_t size;       /* of the file, before */
    char old[];
};

struct created {
    struct created *before;
    char path[PATH_MAX];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct undo *undos;
static struct created *creations;
static unsigned long operations;
static unsigned long long chance;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static const char *root(void) { return getenv("POWER_ROOT"); }

static int below_root(const char *path) {
    return root() && strncmp(path, root(), strlen(root())) == 0;
}

static int path_of(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return below_root(path);
}

static int flip(void) {
    chance = chance * 6364136223846793005ULL + 1442695040888963407ULL;
    return (chance >> 33) & 1;
}

static void power_off(void) {
    const char *seed = getenv("POWER_SEED");
    chance = seed ? strtoull(seed, NULL, 10) : 0;
    int some = chance != 0;
    for (struct undo *undo = undos; undo; undo = undo->before) {
        if (some && flip()) continue;
        if (undo->length) REAL(pwrite64)(undo->file, undo->old, undo->length, undo->offset);
        struct stat now;
        if (fstat(undo->file, &now) == 0 && now.st_size > undo->size && !some)
            REAL(ftruncate64)(undo->file, undo->size);
    }
    for (struct created *created = creations; created; created = created->before)
        unlink(created->path);
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

/* Called with the lock held: counts the operation and saves what a write will replace. */
static void remember(int fd, off_t offset, size_t length) {
    const char *at = getenv("POWER_OFF_AT");
    if (at && ++operations >= strtoul(at, NULL, 10)) power_off();
    struct stat data;
    if (fstat(fd, &data) != 0 || !S_ISREG(data.st_mode)) return;
    size_t there = 0;
    if (offset < data.st_size) {
        there = data.st_size - offset;
        if (there > length) there = length;
    }
    struct undo *undo = malloc(sizeof *undo + there);
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    undo->file = REAL(open64)(link, O_RDWR);
    if (there && pread64(undo->file, undo->old, there, offset) != (ssize_t)there) abort();
    undo->device = data.st_dev;
    undo->inode = data.st_ino;
    undo->offset = offset;
    undo->length = there;
    undo->size = data.st_size;
    undo->before = undos;
    undos = undo;
}

static void synced_folder(const char *folder) {
    size_t length = strlen(folder);
    for (struct created **link = &creations; *link;) {
        struct created *created = *link;
        const char *slash = strrchr(created->path, '/');
        if ((size_t)(slash - created->path) == length && !strncmp(created->path, folder, length)) {
            *link = created->before;
            free(created);
        } else {
            link = &created->before;
        }
    }
}

static void synced(int fd, const char *path) {
    const char *at = getenv("POWER_OFF_AT");
    if (at && ++operations >= strtoul(at, NULL, 10)) power_off();
    if (getenv("POWER_LIES")) return;
    struct stat data;
    if (fstat(fd, &data) != 0) return;
    if (S_ISDIR(data.st_mode)) synced_folder(path);
    for (struct undo **link = &undos; *link;) {
        struct undo *undo = *link;
        if (undo->device == data.st_dev && undo->inode == data.st_ino) {
            *link = undo->before;
            close(undo->file);
            free(undo);
        } else {
            link = &undo->before;
        }
    }
}

#define GUARDED(fd, before, call)                                                                  \
    char path[PATH_MAX];                                                                           \
    if (!path_of(fd, path)) return call;                                                           \
    pthread_mutex_lock(&lock);                                                                     \
    before;                                                                                        \
    __typeof__(call) result = call;                                                                \
    pthread_mutex_unlock(&lock);                                                                   \
    return result

ssize_t write(int fd, const void *bytes, size_t length) {
    GUARDED(fd, remember(fd, lseek(fd, 0, SEEK_CUR), length), REAL(write)(fd, bytes, length));
}
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) {
    GUARDED(fd, remember(fd, offset, length), REAL(pwrite)(fd, bytes, length, offset));
}
ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) {
    GUARDED(fd, remember(fd, offset, length), REAL(pwrite64)(fd, bytes, length, offset));
}
int ftruncate(int fd, off_t length) {
    GUARDED(fd, remember(fd, length, LONG_MAX), REAL(ftruncate)(fd, length));
}
int ftruncate64(int fd, off64_t length) {
    GUARDED(fd, remember(fd, length, LONG_MAX), REAL(ftruncate64)(fd, length));
}
int fsync(int fd) { GUARDED(fd, synced(fd, path), REAL(fsync)(fd)); }
int fdatasync(int fd) { GUARDED(fd, synced(fd, path), REAL(fdatasync)(fd)); }

static void note_creation(const char *path, int flags) {
    struct stat data;
    if (!(flags & O_CREAT) || !below_root(path) || stat(path, &data) == 0) return;
    struct created *created = malloc(sizeof *created);
    snprintf(created->path, sizeof created->path, "%s", path);
    pthread_mutex_lock(&lock);
    created->before = creations;
    creations = created;
    pthread_mutex_unlock(&lock);
}

#define OPENED(name)                                                                               \
    int name(const char *path, int flags, ...) {                                                   \
        va_list rest;                                                                              \
        va_start(rest, flags);                                                                     \
        mode_t mode = va_arg(rest, mode_t);                                                        \
        va_end(rest);                                                                              \
        note_creation(path, flags);                                                                \
        return REAL(name)(path, flags, mode);                                                      \
    }
OPENED(open)
OPENED(open64)
