// ceiling.c: the least an epoll server can do per request, as a measure of the machine's limit.
// N forked workers share one listening socket (EPOLLEXCLUSIVE); every read is taken for one or more
// pipelined requests (counted by "\r\n\r\n") and answered with a fixed response. No parsing, no
// time-outs, no files, no errors handled: nothing real can be this cheap.
// build: cc -O2 -o ceiling ceiling.c      run: ./ceiling PORT WORKERS [BODY_BYTES]
// ./ceiling PORT WORKERS even: the workers accept in turn, so that each has as many connections as the others; without,
//             who is awake first takes them, as it comes.
// echo modes: ./ceiling PORT WORKERS echo      (TCP: write back what was read)
//             ./ceiling PORT WORKERS udp-echo  (send each datagram back; batches of recvmmsg and sendmmsg)
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static char response[1 << 20];
static size_t response_len;
static int echo_mode;
static _Atomic unsigned *accepted;  // even mode: by all workers together
static unsigned workers;

static void serve(int lfd, unsigned worker) {
  int ep = epoll_create1(0);
  struct epoll_event ev = {.events = accepted ? EPOLLIN : EPOLLIN | EPOLLEXCLUSIVE, .data.fd = lfd};
  epoll_ctl(ep, EPOLL_CTL_ADD, lfd, &ev);
  struct epoll_event evs[256];
  static char buf[65536], out[1 << 21];
  for (;;) {
    int n = epoll_wait(ep, evs, 256, -1);
    for (int i = 0; i < n; i++) {
      int fd = evs[i].data.fd;
      if (fd == lfd) {
        if (accepted && *accepted % workers != worker) continue;
        int c = accept4(lfd, 0, 0, SOCK_NONBLOCK);
        if (c < 0) continue;
        if (accepted) ++*accepted;
        int one = 1;
        setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        ev.events = EPOLLIN | EPOLLRDHUP;
        ev.data.fd = c;
        epoll_ctl(ep, EPOLL_CTL_ADD, c, &ev);
        continue;
      }
      ssize_t r = recv(fd, buf, sizeof buf, 0);
      if (r <= 0) {
        if (r == 0 || errno != EAGAIN) close(fd);
        continue;
      }
      if (echo_mode) {
        if (send(fd, buf, r, MSG_NOSIGNAL) < 0) close(fd);
        continue;
      }
      int reqs = 0, must_close = 0;
      for (char *p = buf; (p = memmem(p, buf + r - p, "\r\n\r\n", 4)); p += 4) reqs++;
      must_close = memmem(buf, r, "Connection: close", 17) != 0 || memmem(buf, r, "HTTP/1.0", 8) != 0;
      size_t len = 0;
      if (reqs == 1) {
        if (send(fd, response, response_len, MSG_NOSIGNAL) < 0) must_close = 1;
      } else {
        for (int k = 0; k < reqs && len + response_len < sizeof out; k++, len += response_len)
          memcpy(out + len, response, response_len);
        if (len && send(fd, out, len, MSG_NOSIGNAL) < 0) must_close = 1;
      }
      if (must_close) close(fd);
    }
  }
}

enum { BATCH = 32, DATAGRAM = 65536 };

static void serve_udp(int fd) {
  int ep = epoll_create1(0);
  struct epoll_event ev = {.events = EPOLLIN | EPOLLEXCLUSIVE, .data.fd = fd};
  epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
  static char buf[BATCH][DATAGRAM];
  static struct sockaddr_storage from[BATCH];
  struct iovec iov[BATCH];
  struct mmsghdr msg[BATCH];
  for (;;) {
    if (epoll_wait(ep, &ev, 1, -1) < 1) continue;
    for (int i = 0; i < BATCH; i++) {
      iov[i] = (struct iovec){buf[i], DATAGRAM};
      msg[i] = (struct mmsghdr){.msg_hdr = {.msg_name = &from[i], .msg_namelen = sizeof from[i], .msg_iov = &iov[i], .msg_iovlen = 1}};
    }
    int n = recvmmsg(fd, msg, BATCH, MSG_DONTWAIT, 0);
    for (int i = 0; i < n; i++) iov[i].iov_len = msg[i].msg_len;
    if (n > 0) sendmmsg(fd, msg, n, 0);
  }
}

int main(int argc, char **argv) {
  if (argc < 3) return 64;
  int body = 13, udp = 0;
  if (argc > 3) {
    if (!strcmp(argv[3], "echo")) echo_mode = 1;
    else if (!strcmp(argv[3], "udp-echo")) udp = 1;
    else if (!strcmp(argv[3], "even")) {
      accepted = mmap(0, sizeof *accepted, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
      if (accepted == MAP_FAILED) { perror("mmap"); return 1; }
    }
    else body = atoi(argv[3]);
  }
  int h = snprintf(response, sizeof response,
                   "HTTP/1.1 200 OK\r\nServer: ceiling\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
                   "Content-Type: text/plain\r\nContent-Length: %d\r\n\r\n", body);
  memset(response + h, 'x', body);
  response_len = h + body;
  int lfd = socket(AF_INET, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK, 0), one = 1;
  setsockopt(lfd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1])),
                          .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (bind(lfd, (void *)&a, sizeof a) || (!udp && listen(lfd, 4096))) { perror("bind"); return 1; }
  signal(SIGPIPE, SIG_IGN);
  workers = atoi(argv[2]);
  for (unsigned i = 0; i < workers; i++)
    if (fork() == 0) { prctl(PR_SET_PDEATHSIG, SIGKILL); if (udp) serve_udp(lfd); serve(lfd, i); }
  while (wait(0) > 0) {}
}
