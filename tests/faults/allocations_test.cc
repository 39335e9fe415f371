// Memory runs out at each allocation in turn (F24). In core and in the parsers of HTTP, which are plain functions, that is
// std::bad_alloc for the caller, with nothing leaked, and the next attempt is right. A coroutine does not pass exceptions on
// (task.h): there it is the end of the process, at once and without a wrong answer.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <new>
#include <optional>

#include "holdfast/core/cap/cap.h"
#include "holdfast/core/immutable/share_audit.h"
#include "holdfast/core/immutable/share_test_kit.h"
#include "holdfast/core/immutable/share_verifier.h"
#include "holdfast/core/protocol/http_fields.h"
#include "holdfast/core/protocol/storage_messages.h"
#include "holdfast/edge/http/head_parser.h"
#include "holdfast/edge/http/pipe_test_kit.h"
#include "holdfast/node/transfer/put_journal.h"

namespace {

struct Memory {
  std::uint64_t allocations = 0;
  std::optional<std::uint64_t> ends_at;
};
Memory memory;

}  // namespace

// Sanitizers watch malloc below.
void* operator new(std::size_t size) {
  if (memory.allocations++ == memory.ends_at) throw std::bad_alloc();
  void* block = std::malloc(size == 0 ? 1 : size);
  if (block == nullptr) throw std::bad_alloc();
  return block;
}
void* operator new[](std::size_t size) {
  return operator new(size);
}
void operator delete(void* block) noexcept {
  std::free(block);
}
void operator delete[](void* block) noexcept {
  std::free(block);
}
void operator delete(void* block, std::size_t) noexcept {
  std::free(block);
}
void operator delete[](void* block, std::size_t) noexcept {
  std::free(block);
}

namespace holdfast {
namespace {

namespace kit = immutable::test_kit;

/// Runs the work with memory that ends at each of its allocations. It answers whether all is as it should be.
template <class Work>
void for_every_allocation(const Work& work) {
  ASSERT_TRUE(work());
  for (std::uint64_t n = 0;; ++n) {
    bool right = false, thrown = false;
    memory.allocations = 0;
    memory.ends_at = n;
    try {
      right = work();
    } catch (const std::bad_alloc&) {
      thrown = true;
    }
    const bool reached = memory.allocations > n;
    memory.ends_at.reset();
    ASSERT_EQ(reached, thrown) << "allocation " << n << " failed, and nobody was told";
    ASSERT_TRUE(thrown || right) << n;
    ASSERT_TRUE(!thrown || work()) << "after allocation " << n << " failed";
    if (!reached) return static_cast<void>(std::printf("  %llu allocations\n", static_cast<unsigned long long>(n)));
  }
}

const Bytes kPlaintext = kit::plaintext_of(500);
const immutable::Params kParams = immutable::make_params(2, 3, 500, 200).value();
const cap::Key kKey = cap::Key::from(Bytes(16, 1));

struct Shares {
  Shares() {
    kit::EncodedFile file(kPlaintext, kParams, kKey);
    claim = file.claim();
    for (ShareNumber share = 0; share < 3; ++share) shares.push_back(file.share(share));
  }
  immutable::FileClaim claim;
  std::vector<Bytes> shares;
};

TEST(Allocation, f24_that_fails_while_a_file_is_encoded_is_told) {
  const Shares right;
  for_every_allocation([&] {
    kit::EncodedFile file(kPlaintext, kParams, kKey);
    return file.share(1) == right.shares[1];
  });
}

TEST(Allocation, f24_that_fails_while_shares_are_read_is_told) {
  const Shares file;
  for_every_allocation([&] {
    const auto read = kit::read_file(file.claim, &kKey, {{0, file.shares[0]}, {2, file.shares[2]}});
    return read && *read == kPlaintext;
  });
}

TEST(Allocation, f24_that_fails_while_a_server_audits_a_share_is_told) {
  const Shares file;
  const Bytes& share = file.shares[0];
  for_every_allocation([&] {
    const immutable::ShareBytesAt at = [&](std::uint64_t offset, MutableByteView out) -> Result<void> {
      std::copy_n(share.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
      return {};
    };
    const auto verdict = immutable::audit_share(share.size(), 0, at);
    return verdict && std::holds_alternative<immutable::AuditPassed>(*verdict);
  });
}

TEST(Allocation, f24_that_fails_while_caps_and_messages_are_read_and_written_is_told) {
  const Shares file;
  protocol::UploadStatus status;
  status.complete = {1, 7};
  status.incomplete[3].required = {{5, 10}, {20, 30}};
  status.busy = {9};
  protocol::AllocateReply reply{{1, 2}, {3, 4}};
  transfer::PutJournal journal;
  journal.source.path = "/home/somebody/and/a/long/path/to/a/file";
  journal.piece_digests.resize(5);
  const std::string cap = "URI:CHK:aaaqeayeaudaocajbifqydiob4:" + std::string(52, 'a') + ":3:10:1000";
  ASSERT_TRUE(std::holds_alternative<cap::ChkReadCap>(cap::parse_cap(cap)));
  for_every_allocation([&] {
    const auto heard = protocol::decode_upload_status(protocol::encode(status));
    const auto allocated = protocol::decode_allocate_reply(protocol::encode(reply));
    const auto field = protocol::parse_resume_field("1; retention=604800; idle=1800; matched=0.3");
    const auto saved = transfer::decode_put_journal(transfer::encode(journal));
    return heard && heard->incomplete.at(3).required == status.incomplete[3].required && allocated &&
           allocated->allocated == reply.allocated && field && field->matched.size() == 2 && saved &&
           saved->source == journal.source && cap::to_string(cap::parse_cap(cap)) == cap;
  });
}

TEST(Allocation, f24_that_fails_while_a_head_is_read_is_told) {
  const std::string long_value(100, 'x');
  const std::string request =
      "PATCH /storage/v1/immutable/aaaaaaaaaaaaaaaaaaaaaaaaaa/3?a=b HTTP/1.1\r\nHost: example.org\r\n"
      "X-Tahoe-Authorization: upload-secret " +
      long_value + "\r\nContent-Length: 10\r\n\r\n";
  const std::string answer = "HTTP/1.1 206 PARTIAL CONTENT\r\nContent-Range: bytes 0-9/*\r\nX: " + long_value +
                             "\r\nContent-Length: 10\r\n\r\n";
  constexpr http::HeadLimits limits{16'384, 100};
  for_every_allocation([&] {
    http::HeadScanner scanner(limits);
    const auto length = scanner.scan(view_of(request));
    const auto asked = http::parse_request_head(view_of(request), limits);
    const auto told = http::parse_response_head(view_of(answer), limits);
    return length && *length == request.size() && asked && asked->head.method == "PATCH" && told &&
           told->status == 206 && told->content_length == 10;
  });
}

/// One whole exchange of the server, in coroutines.
void exchange(std::uint64_t ends_at) noexcept {
  http::testing::RawServer server;
  memory.allocations = 0;
  memory.ends_at = ends_at;
  const auto heard = server.talk(view_of("PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"));
  memory.ends_at.reset();
  // It was none of the coroutines' own.
  ::_exit(heard.ended ? 0 : 1);
}

using CoroutinesDeathTest = testing::Test;
TEST_F(CoroutinesDeathTest, f24_without_memory_end_the_process_at_once_with_no_wrong_answer) {
  http::testing::RawServer server;
  memory.allocations = 0;
  static_cast<void>(server.talk(view_of("PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello")));
  const std::uint64_t allocations = memory.allocations;
  ASSERT_GT(allocations, 20u);
  const auto stopped = [](int status) { return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT; };
  const std::uint64_t step = std::getenv("SOAK") != nullptr ? 1 : 7;
  for (std::uint64_t n = 0; n < allocations; n += step) EXPECT_EXIT(exchange(n), stopped, "") << n;
}

}  // namespace
}  // namespace holdfast
