/* The floor of the echo benchmark: one thread, epoll, as few system calls as a request can have.
 *
 *   echo_server [--level]
 *
 * Binds a free port of 127.0.0.1, prints it, and echoes until killed. A request costs recv + send
 * and a share of one epoll_wait. Registration is edge-triggered, since a level-triggered entry is
 * polled a second time by the kernel on the epoll_wait after the one that reported it (`--level`
 * measures the difference). A short read means drained, so no recv is spent to see EAGAIN.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RECV_SIZE = 65536, BACKLOG = 4096, EVENTS = 1024 };

/* What a slow reader has not taken yet; while it is non-empty nothing more is read from it. */
struct conn {
    int fd;
    char *rest;         /* owned, NULL when nothing is pending */
    size_t at, length;  /* bytes of rest: already sent, in all */
};

static int poller;
static unsigned edge = EPOLLET;
static char buffer[RECV_SIZE];

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void watch(struct conn *c, int operation, unsigned events)
{
    struct epoll_event event = {.events = events | EPOLLRDHUP | edge, .data.ptr = c};
    if (epoll_ctl(poller, operation, c->fd, &event) < 0)
        die("epoll_ctl");
}

static void drop(struct conn *c)
{
    close(c->fd);
    free(c->rest);
    free(c);
}

/* Send as much as the kernel takes. Returns the bytes taken, or -1 if the connection is lost. */
static ssize_t send_some(int fd, const char *data, size_t length)
{
    ssize_t n = send(fd, data, length, MSG_NOSIGNAL);
    return n < 0 && errno == EAGAIN ? 0 : n;
}

static int keep_rest(struct conn *c, const char *data, size_t length)
{
    c->rest = malloc(length);
    if (!c->rest)
        die("malloc");
    memcpy(c->rest, data, length);
    c->at = 0;
    c->length = length;
    watch(c, EPOLL_CTL_MOD, EPOLLOUT);
    return 0;
}

/* Returns 1 if all pending bytes are out, 0 if some remain, -1 if the connection is lost. */
static int flush(struct conn *c)
{
    ssize_t n = send_some(c->fd, c->rest + c->at, c->length - c->at);
    if (n < 0)
        return -1;
    c->at += (size_t)n;
    if (c->at < c->length)
        return 0;
    free(c->rest);
    c->rest = NULL;
    watch(c, EPOLL_CTL_MOD, EPOLLIN);
    return 1;
}

/* Echo until drained. `to_the_end`: the peer has hung up, so only a recv of 0 or an error ends it.
 * Returns -1 if the connection is over. */
static int echo(struct conn *c, int to_the_end)
{
    for (;;) {
        ssize_t got = recv(c->fd, buffer, sizeof buffer, 0);
        if (got <= 0)
            return got < 0 && errno == EAGAIN ? 0 : -1;
        ssize_t sent = send_some(c->fd, buffer, (size_t)got);
        if (sent < 0)
            return -1;
        if (sent < got)
            return keep_rest(c, buffer + sent, (size_t)(got - sent));
        if (got < (ssize_t)sizeof buffer && !to_the_end)
            return 0;
    }
}

static int serve(struct conn *c, unsigned events)
{
    if (c->rest) {
        int state = flush(c);
        if (state <= 0)
            return state;
    }
    return echo(c, (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0);
}

static void accept_all(int listener)
{
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EAGAIN || errno == ECONNABORTED)
                return;
            die("accept4");
        }
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct conn *c = calloc(1, sizeof *c);
        if (!c)
            die("calloc");
        c->fd = fd;
        watch(c, EPOLL_CTL_ADD, EPOLLIN);
    }
}

static int listen_on_loopback(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) < 0 || listen(fd, BACKLOG) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) < 0)
        die("listen");
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--level") == 0)
        edge = 0;
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);

    int listener = listen_on_loopback();
    poller = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    if (poller < 0 || epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event) < 0)
        die("epoll");

    static struct epoll_event events[EVENTS];
    for (;;) {
        int n = epoll_wait(poller, events, EVENTS, -1);
        if (n < 0 && errno != EINTR)
            die("epoll_wait");
        for (int i = 0; i < n; i++) {
            struct conn *c = events[i].data.ptr;
            if (!c)
                accept_all(listener);
            else if (serve(c, events[i].events) < 0)
                drop(c);
        }
    }
}
