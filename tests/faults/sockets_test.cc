// Every call to a socket fails once: connect, accept, send and receive, of the client and of the servers, over real TLS on
// loopback. The C library's functions stand behind ours here, which this whole program uses.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <optional>

#include "grid/loopback_grid.h"
#include "grid/memory_grid.h"
#include "holdfast/node/transfer/downloader.h"
#include "holdfast/node/transfer/uploader.h"

namespace {

enum class Manner { error, reset, few };

struct Trap {
  std::uint64_t calls = 0;
  std::optional<std::uint64_t> at;
  Manner manner = Manner::error;

  bool springs() { return calls++ == at; }
};
Trap trap;

template <class F>
F* real(const char* name) {
  return reinterpret_cast<F*>(::dlsym(RTLD_NEXT, name));
}

/// The connection is gone for both sides, or only this call is told so.
int broken(int fd, int error) {
  if (trap.manner == Manner::reset) {
    const linger at_once{1, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    ::shutdown(fd, SHUT_RDWR);
  }
  errno = error;
  return -1;
}

}  // namespace

extern "C" {

ssize_t send(int fd, const void* bytes, std::size_t count, int flags) {
  static auto* const next = real<ssize_t(int, const void*, std::size_t, int)>("send");
  if (trap.springs()) {
    if (trap.manner != Manner::few) return broken(fd, ECONNRESET);
    count = (count + 1) / 2;
  }
  return next(fd, bytes, count, flags);
}

ssize_t recv(int fd, void* out, std::size_t count, int flags) {
  static auto* const next = real<ssize_t(int, void*, std::size_t, int)>("recv");
  if (trap.springs()) {
    if (trap.manner != Manner::few) return broken(fd, ECONNRESET);
    count = 1;
  }
  return next(fd, out, count, flags);
}

int connect(int fd, const sockaddr* to, socklen_t length) {
  static auto* const next = real<int(int, const sockaddr*, socklen_t)>("connect");
  if (trap.springs() && trap.manner != Manner::few) return broken(fd, ECONNREFUSED);
  return next(fd, to, length);
}

int accept(int fd, sockaddr* from, socklen_t* length) {
  static auto* const next = real<int(int, sockaddr*, socklen_t*)>("accept");
  const int accepted = next(fd, from, length);
  if (accepted < 0 || !trap.springs() || trap.manner == Manner::few) return accepted;
  ::close(accepted);
  errno = trap.manner == Manner::reset ? ECONNABORTED : EMFILE;
  return -1;
}

}  // extern "C"

namespace holdfast::test {
namespace {

constexpr unsigned kServers = 2;
const std::string kPath = "/home/file";

class EveryCall : public testing::TestWithParam<Manner> {
 protected:
  struct Life {
    std::string cap;
    std::string problem;
  };

  /// A put and a get, both with the patience of a program.
  static io::Task<void> live(const transfer::Context* context, const Bytes* plaintext, Life* out) {
    transfer::UploadOptions options;
    options.k = 1;
    options.n = options.happy = kServers;
    options.patience.retry_first = std::chrono::milliseconds(2);
    options.patience.give_up_after = std::chrono::seconds(20);
    transfer::Progress put, get;
    const auto report = co_await transfer::upload_file(*context, kPath, options, put);
    out->problem = report ? "" : "put: " + report.error().what;
    if (!report) co_return;
    out->cap = report->cap;
    transfer::DownloadOptions reading;
    reading.patience = options.patience;
    MemorySink sink;
    cap::Cap cap = cap::parse_cap(report->cap);
    const auto got = co_await transfer::download(*context, std::move(cap), sink, reading, get);
    out->problem = got ? "" : "get: " + got.error().what;
    if (got && sink.content != *plaintext) out->problem = "wrong bytes";
  }

  Life run() {
    LoopbackGrid grid(kServers, pems_);
    grid.put_file(kPath, plaintext_);
    Life out;
    const LoopbackGrid::Work work = [this, &out](const transfer::Context& context) {
      return live(&context, &plaintext_, &out);
    };
    trap.calls = 0;
    grid.run(work);
    trap.at.reset();
    return out;
  }

  const std::vector<std::string> pems_ = make_pems(kServers);
  const Bytes plaintext_ = SeededRandom(2).bytes(40'000);
};
INSTANTIATE_TEST_SUITE_P(Manner, EveryCall, testing::Values(Manner::error, Manner::reset, Manner::few));

TEST_P(EveryCall, f5_f9_that_fails_once_costs_neither_a_put_nor_a_get) {
  trap.manner = GetParam();
  const Life undisturbed = run();
  ASSERT_EQ(undisturbed.problem, "");
  const std::uint64_t calls = trap.calls;
  ASSERT_GT(calls, 100u) << "the program goes around the trap";
  // All of them with SOAK=1; else every seventh, beginning with another each time the number of calls changes.
  const std::uint64_t step = std::getenv("SOAK") != nullptr ? 1 : 7;
  for (std::uint64_t at = calls % step; at < calls; at += step) {
    trap.at = at;
    const Life life = run();
    EXPECT_EQ(life.problem, "") << "call " << at;
    EXPECT_EQ(life.cap, undisturbed.cap) << "call " << at;
    EXPECT_GT(trap.calls, at);
    if (HasFailure()) return;
  }
  std::printf("  %llu calls\n", static_cast<unsigned long long>(calls));
}

}  // namespace
}  // namespace holdfast::test
