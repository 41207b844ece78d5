/* Sets TCP_NODELAY on every TCP connection that the program accepts or makes.
 *
 * Spin does not set it, so that a chunked answer waits for the other side's delayed
 * acknowledgement: 40 ms that say nothing about what a function costs. Preloaded (LD_PRELOAD),
 * this measures the unchanged program without that wait. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

static int nodelay(int fd) {
    int one = 1;
    if (fd >= 0) {
        /* Not a TCP socket: refused, and no harm done. */
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    }
    return fd;
}

int accept4(int fd, struct sockaddr *address, socklen_t *length, int flags) {
    int (*next)(int, struct sockaddr *, socklen_t *, int) = dlsym(RTLD_NEXT, "accept4");
    return nodelay(next(fd, address, length, flags));
}

int accept(int fd, struct sockaddr *address, socklen_t *length) {
    int (*next)(int, struct sockaddr *, socklen_t *) = dlsym(RTLD_NEXT, "accept");
    return nodelay(next(fd, address, length));
}

int connect(int fd, const struct sockaddr *address, socklen_t length) {
    int (*next)(int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "connect");
    nodelay(fd);
    return next(fd, address, length);
}
