// Goal: a worker that dies by a fault reports it with a backtrace, and still dies of that fault.
#include "framework/worker/last_words.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string>

#include "ipc/posix/pipe.hpp"
#include "tests/ipc/support.hpp"

namespace prefork::worker {
namespace {

volatile int depth = 0;

[[gnu::noinline]] int overflow(volatile char* above) {
  volatile char room[4096];
  room[0] = *above;
  depth = depth + 1;
  if (depth < 0) return 0;  // never: the stack ends before
  return overflow(room) + room[1];
}

// A sanitizer would end the process before the kernel does.
__attribute__((no_sanitize("undefined"))) void write_to_nowhere() {
  volatile char* volatile nowhere = nullptr;
  *nowhere = 1;
}

TEST(BoundedLine, HoldsWordsAndNumbers) {
  BoundedLine line;
  line.text("a ").decimal(0).text(" ").decimal(UINT64_MAX).text(" ").hex(0).text(" ").hex(UINT64_MAX);
  EXPECT_EQ(line.view(), "a 0 18446744073709551615 0x0 0xffffffffffffffff");
}

TEST(BoundedLine, IsCutWhereItIsFull) {
  BoundedLine line;
  for (int i = 0; i < 300; ++i) line.text("0123456789").hex(0x1234);
  EXPECT_EQ(line.view().size(), ipc::kMaxStatusText);
}

TEST(LastWords, PlacesAreOffsetsInNamedLibraries) {
  BoundedLine program;
  append_place(program, reinterpret_cast<const void*>(&overflow));
  EXPECT_EQ(program.view().substr(0, 17), "prefork-master+0x") << program.view();
  BoundedLine nowhere;
  append_place(nowhere, nullptr);
  EXPECT_EQ(nowhere.view(), "0x0");
  name_library(reinterpret_cast<const void*>(&::getpid), "/opt/a/my-plugin.so");
  BoundedLine after;
  append_place(after, reinterpret_cast<const void*>(&::getpid));
  EXPECT_EQ(after.view().substr(0, 15), "my-plugin.so+0x") << after.view();
}

struct Fault {
  const char* name;
  int signal;
  void (*commit)();
  const char* said;
};

void PrintTo(const Fault& fault, std::ostream* out) { *out << fault.name; }

class LastWords : public testing::TestWithParam<Fault> {};

TEST_P(LastWords, NameTheSignalAndItsPlace) {
  const Fault& fault = GetParam();
  ipc::PacketPipe pipe = ipc::PacketPipe::create();
  const pid_t child = ::fork();
  if (child == 0) {
    const rlimit no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    prepare_last_words(pipe.write_end.get());
    fault.commit();
    ::_exit(0);
  }
  pipe.write_end.reset();
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status)) << status;
  EXPECT_EQ(WTERMSIG(status), fault.signal);
  std::array<std::byte, ipc::kMaxPacketBytes> buffer;
  const auto [received, packet] = ipc::receive_packet(pipe.read_end.get(), buffer);
  ASSERT_EQ(received, ipc::ReceiveStatus::packet);
  const auto message = ipc::decode_status(packet);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->kind, ipc::StatusKind::log);
  const std::string line(message->text);
  EXPECT_EQ(line.find(fault.said), 0U) << line;
  const auto trace = line.find("; backtrace: ");
  ASSERT_NE(trace, std::string::npos) << line;
  EXPECT_NE(line.find("+0x", trace), std::string::npos) << line;
  EXPECT_EQ(ipc::receive_packet(pipe.read_end.get(), buffer).status, ipc::ReceiveStatus::closed) << "said once";
}

INSTANTIATE_TEST_SUITE_P(
    Faults, LastWords,
    testing::Values(Fault{"abort", SIGABRT, [] { std::abort(); }, "last words: SIGABRT from pid "},
                    Fault{"killed", SIGABRT, [] { ::kill(::getpid(), SIGABRT); }, "last words: SIGABRT from pid "},
                    Fault{"null", SIGSEGV, write_to_nowhere, "last words: SIGSEGV at address 0x0;"},
                    Fault{"overflow", SIGSEGV,
                          [] {
                            volatile char top = 1;
                            overflow(&top);
                          },
                          "last words: SIGSEGV at address 0x"},
                    Fault{"illegal", SIGILL, [] { ::raise(SIGILL); }, "last words: SIGILL from pid "},
                    Fault{"division", SIGFPE, [] { ::raise(SIGFPE); }, "last words: SIGFPE from pid "},
                    Fault{"bus", SIGBUS, [] { ::raise(SIGBUS); }, "last words: SIGBUS from pid "}),
    [](const auto& which) { return std::string(which.param.name); });

// Goal: a master that takes no more must not keep a worker from dying.
TEST(LastWordsLost, AFullPipeDelaysNothing) {
  ipc::PacketPipe pipe = ipc::PacketPipe::create();
  const std::array<std::byte, 8> filler{};
  while (ipc::send_packet(pipe.write_end.get(), filler) == ipc::SendResult::sent) {
  }
  const pid_t child = ::fork();
  if (child == 0) {
    const rlimit no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    prepare_last_words(pipe.write_end.get());
    ::raise(SIGSEGV);
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV) << status;
}

}  // namespace
}  // namespace prefork::worker
