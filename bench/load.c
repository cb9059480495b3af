/* Echo load: N connections to 127.0.0.1, one request in flight on each, every reply compared.
 *
 *   load --port P [--connections N] [--size BYTES] [--seconds S | --requests R]
 *        [--warmup S] [--limit S] [--pid PID] [--hold]
 *
 * Each connection is counted as open only once its first message came back, and at most PACE
 * connections are on their way at a time, so that no server's accept queue overflows. Then follow
 * a warm-up, the measured window, and a drain in which outstanding replies are waited for.
 * Prints one line of JSON. With --pid, `server_cpu_s` is what that process (all its threads) used
 * within the window, read from its CPU clock at both ends. With --hold the connections stay idle
 * until standard input ends; the line is printed when all are open. `--limit` bounds each of:
 * opening, window, drain.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    PACE = 64,               /* connections being opened at a time */
    PER_ADDRESS = 4000,      /* connections per source address, well below the ephemeral ports */
    EVENTS = 1024,
    RECV_SIZE = 65536,
    SHIFTS = 251,            /* a prime: neighbouring connections send different bytes */
    SUB = 64,                /* latency buckets per doubling: about 1 % wide */
    MAX_CONNECTIONS = 60000,
    MAX_SIZE = 1 << 20,
};

enum phase { OPENING, WARMUP, WINDOW, DRAIN };

struct conn {
    int fd;                  /* -1: not opened yet, or lost */
    int open;                /* the first echo came back */
    int busy;                /* a request is in flight */
    unsigned events;         /* what epoll is asked for */
    size_t sent, received;   /* bytes of the message in flight */
    uint64_t started;        /* ns, CLOCK_MONOTONIC */
};

static struct {
    int port, connections, hold;
    size_t size;
    double seconds, warmup, limit;
    long requests;           /* 0: the window ends by time */
    pid_t pid;
} options = {.connections = 100, .size = 1024, .seconds = 2, .warmup = 0.3, .limit = 60};

static int poller;
static enum phase phase = OPENING;
static struct conn *conns;
static int opened, opening, lost, next_to_open, busy;
static long completed, errors;
static uint64_t histogram[64 * SUB];
static unsigned char *payload;
static char buffer[RECV_SIZE];

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static double cpu_of(pid_t pid)
{
    clockid_t clock = CLOCK_PROCESS_CPUTIME_ID;
    struct timespec t;
    if (pid && (errno = clock_getcpuclockid(pid, &clock)) != 0)
        die("clock_getcpuclockid");
    if (clock_gettime(clock, &t) < 0)
        die("clock_gettime");
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ---- latency ------------------------------------------------------------------------------- */

static unsigned bucket_of(uint64_t ns)
{
    if (ns < SUB)
        return (unsigned)ns;
    unsigned doubling = 63u - (unsigned)__builtin_clzll(ns) - 6u;  /* 2**6 == SUB */
    return (doubling + 1) * SUB + (unsigned)((ns >> doubling) - SUB);
}

static double bucket_middle(unsigned bucket)
{
    if (bucket < SUB)
        return bucket;
    unsigned doubling = bucket / SUB - 1;
    return ldexp((double)(bucket % SUB + SUB) + 0.5, (int)doubling);
}

static double percentile_us(double share)
{
    double wanted = share * (double)completed, seen = 0;
    for (unsigned i = 0; i < 64 * SUB; i++)
        if ((seen += (double)histogram[i]) >= wanted && histogram[i])
            return bucket_middle(i) / 1000;
    return 0;
}

/* ---- one connection ------------------------------------------------------------------------ */

static const unsigned char *message_of(const struct conn *c)
{
    return payload + (c - conns) % SHIFTS;
}

static void watch(struct conn *c, unsigned events)
{
    if (c->events == events)
        return;
    struct epoll_event event = {.events = events, .data.ptr = c};
    if (epoll_ctl(poller, c->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, c->fd, &event) < 0)
        die("epoll_ctl");
    c->events = events;
}

static void lose(struct conn *c, const char *why)
{
    if (errors++ == 0)
        fprintf(stderr, "load: connection %d: %s\n", (int)(c - conns), why);
    close(c->fd);
    c->fd = -1;
    lost++;
    busy -= c->busy;
    c->busy = 0;
    if (!c->open)
        opening--;
}

static void send_more(struct conn *c)
{
    ssize_t n = send(c->fd, message_of(c) + c->sent, options.size - c->sent, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN) {
        lose(c, strerror(errno));
        return;
    }
    if (n > 0)
        c->sent += (size_t)n;
    watch(c, c->sent < options.size ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static void start_request(struct conn *c)
{
    c->sent = c->received = 0;
    c->busy = 1;
    busy++;
    c->started = now_ns();
    send_more(c);
}

static void finish_request(struct conn *c)
{
    c->busy = 0;
    busy--;
    if (!c->open) {
        c->open = 1;
        opened++;
        opening--;
    } else if (phase == WINDOW) {
        completed++;
        histogram[bucket_of(now_ns() - c->started)]++;
    }
    if (phase == WARMUP || phase == WINDOW)
        start_request(c);
}

static void receive(struct conn *c)
{
    size_t missing = options.size - c->received;
    ssize_t n = recv(c->fd, buffer, missing < RECV_SIZE ? missing : RECV_SIZE, 0);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0)
        lose(c, n ? strerror(errno) : "closed by the server");
    else if (!c->busy)
        lose(c, "bytes nobody asked for");
    else if (memcmp(buffer, message_of(c) + c->received, (size_t)n) != 0)
        lose(c, "the reply differs from the request");
    else if ((c->received += (size_t)n) == options.size)
        finish_request(c);
}

static void open_next(void)
{
    int number = next_to_open++, on = 1;
    struct conn *c = conns + number;
    struct sockaddr_in source = {.sin_family = AF_INET}, target = {.sin_family = AF_INET};
    source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (unsigned)(number / PER_ADDRESS));
    target.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    target.sin_port = htons((uint16_t)options.port);
    opening++;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        die("socket");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (bind(c->fd, (struct sockaddr *)&source, sizeof source) < 0 ||
        (connect(c->fd, (struct sockaddr *)&target, sizeof target) < 0 && errno != EINPROGRESS)) {
        lose(c, strerror(errno));
        return;
    }
    watch(c, EPOLLOUT);      /* writable: connected, or failed, which send then tells */
}

static void handle(struct conn *c, unsigned events)
{
    if (events & EPOLLOUT) {
        if (c->busy)
            send_more(c);
        else if (!c->open)
            start_request(c);
    }
    if (c->fd >= 0 && events & (EPOLLIN | EPOLLERR | EPOLLHUP))
        receive(c);
}

/* ---- phases -------------------------------------------------------------------------------- */

/* Wait up to `until` and handle what came; returns 0 once `until` is past. */
static int turn(uint64_t until)
{
    static struct epoll_event events[EVENTS];
    uint64_t now = now_ns();
    if (now >= until)
        return 0;
    int n = epoll_wait(poller, events, EVENTS, (int)((until - now) / 1000000 + 1));
    if (n < 0 && errno != EINTR)
        die("epoll_wait");
    for (int i = 0; i < n; i++)
        if (((struct conn *)events[i].data.ptr)->fd >= 0)
            handle(events[i].data.ptr, events[i].events);
    return 1;
}

static uint64_t in(double seconds)
{
    return now_ns() + (uint64_t)(seconds * 1e9);
}

static void open_all(void)
{
    uint64_t until = in(options.limit);
    do
        while (opening < PACE && next_to_open < options.connections)
            open_next();
    while (opened + lost < options.connections && turn(until));
    errors += options.connections - opened - lost;      /* never answered */
}

static void run_window(double *seconds, double *server_cpu, double *load_cpu)
{
    uint64_t until = in(options.warmup);
    phase = WARMUP;
    for (int i = 0; i < options.connections; i++)
        if (conns[i].fd >= 0 && conns[i].open)
            start_request(conns + i);
    while (turn(until))
        ;
    phase = WINDOW;
    double server = options.pid ? cpu_of(options.pid) : 0, own = cpu_of(0);
    uint64_t start = now_ns();
    until = in(options.requests ? options.limit : options.seconds);
    while ((!options.requests || completed < options.requests) && busy && turn(until))
        ;
    *server_cpu = options.pid ? cpu_of(options.pid) - server : 0;
    *load_cpu = cpu_of(0) - own;
    *seconds = (double)(now_ns() - start) * 1e-9;
    phase = DRAIN;
    until = in(options.limit);
    while (busy && turn(until))
        ;
    errors += busy;                                     /* never answered */
}

static void report(double seconds, double server_cpu, double load_cpu)
{
    printf("{\"connections\": %d, \"open\": %d, \"size\": %zu, \"requests\": %ld, "
           "\"seconds\": %.6f, \"p50_us\": %.1f, \"p99_us\": %.1f, \"errors\": %ld, "
           "\"server_cpu_s\": %.6f, \"load_cpu_s\": %.6f}\n",
           options.connections, opened, options.size, completed, seconds, percentile_us(0.5),
           percentile_us(0.99), errors, server_cpu, load_cpu);
    fflush(stdout);
}

static void read_options(int argc, char **argv)
{
    static const struct option names[] = {
        {"port", 1, 0, 'p'},    {"connections", 1, 0, 'n'}, {"size", 1, 0, 'b'},
        {"seconds", 1, 0, 's'}, {"requests", 1, 0, 'r'},    {"warmup", 1, 0, 'w'},
        {"limit", 1, 0, 'l'},   {"pid", 1, 0, 'i'},         {"hold", 0, 0, 'h'},
        {0, 0, 0, 0}};
    for (int name; (name = getopt_long(argc, argv, "", names, NULL)) != -1;)
        switch (name) {
        case 'p': options.port = atoi(optarg); break;
        case 'n': options.connections = atoi(optarg); break;
        case 'b': options.size = (size_t)atol(optarg); break;
        case 's': options.seconds = atof(optarg); break;
        case 'r': options.requests = atol(optarg); break;
        case 'w': options.warmup = atof(optarg); break;
        case 'l': options.limit = atof(optarg); break;
        case 'i': options.pid = (pid_t)atoi(optarg); break;
        case 'h': options.hold = 1; break;
        default: exit(2);
        }
    if (options.port < 1 || options.port > 65535 || options.connections < 1 ||
        options.connections > MAX_CONNECTIONS || options.size < 1 || options.size > MAX_SIZE ||
        options.seconds < 0 || options.seconds > 600 || options.limit < 0 || options.limit > 600) {
        fprintf(stderr, "load: --port 1-65535, --connections 1-%d, --size 1-%d, seconds 0-600\n",
                MAX_CONNECTIONS, MAX_SIZE);
        exit(2);
    }
}

static void prepare(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    poller = epoll_create1(EPOLL_CLOEXEC);
    conns = calloc((size_t)options.connections, sizeof *conns);
    payload = malloc(options.size + SHIFTS);
    if (poller < 0 || !conns || !payload)
        die("prepare");
    for (int i = 0; i < options.connections; i++)
        conns[i].fd = -1;
    for (size_t i = 0; i < options.size + SHIFTS; i++)
        payload[i] = (unsigned char)(i * 167 + (i >> 8) * 13);
}

int main(int argc, char **argv)
{
    double seconds = 0, server_cpu = 0, load_cpu = 0;
    read_options(argc, argv);
    prepare();
    open_all();
    if (options.hold) {
        report(0, 0, 0);
        while (read(0, buffer, sizeof buffer) > 0)
            ;
    } else {
        if (errors == 0)
            run_window(&seconds, &server_cpu, &load_cpu);
        report(seconds, server_cpu, load_cpu);
    }
    return errors ? 1 : 0;
}
