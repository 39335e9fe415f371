// What the gateway makes of one file that many read: fetched once, kept for a while, given up when nobody wants it, in memory that
// does not grow with its readers.
#include <gtest/gtest.h>

#include "grid/memory_grid.h"
#include "holdfast/core/immutable/share_test_kit.h"
#include "holdfast/node/gateway/file_reader.h"
#include "holdfast/node/gateway/file_table.h"

namespace holdfast::test {
namespace {

using namespace gateway;
namespace kit = immutable::test_kit;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint64_t kSegment = 600, kSegments = 10, kSize = kSegment * kSegments - 100;

class GatewayFiles : public testing::Test {
 protected:
  using Body = std::function<io::Task<void>()>;

  GatewayFiles() {
    for (unsigned i = 0; i < 10; ++i)
      grid.servers[i]->shares[static_cast<ShareNumber>(i)] = file_.share(static_cast<ShareNumber>(i));
  }

  void run(Body body) {
    grid.during([&](const transfer::Context& context) { return all(context, std::move(body)); });
  }
  static io::Task<Result<Bytes>> read_through(FileReader& reader, Range range, io::Duration between = {}) {
    Bytes out;
    HF_CO_TRY_VOID(co_await reader.open());
    while (!range.empty()) {
      HF_CO_TRY(const Piece piece, co_await reader.read(range));
      append(out, piece.bytes);
      range.begin += piece.bytes.size();
      if (between > io::Duration{0}) static_cast<void>(co_await io::sleep_for(between));
    }
    co_return out;
  }
  static bool stays() { return false; }
  io::Task<Result<Bytes>> read(Range range, io::Duration between = {}) {
    HF_CO_TRY(const FileUse use, files->use(cap));
    FileReader reader(use.file(), stays);
    co_return co_await read_through(reader, range, between);
  }
  io::Task<void> expect_right(Range range, io::Duration between = {}) {
    const Result<Bytes> got = co_await read(range, between);
    EXPECT_TRUE(got.has_value()) << got.error().what;
    if (!got) co_return;
    EXPECT_EQ(*got, to_bytes(ByteView(content).subspan(range.begin, range.size())));
  }
  std::uint64_t from_servers() const {
    std::uint64_t sum = 0;
    for (const auto& server : grid.servers) sum += server->traffic().body_bytes_received;
    return sum;
  }
  const GatewayCounters& counters() const { return shared->counters; }

  const Bytes content = kit::plaintext_of(kSize);
  MemoryGrid grid{10};
  GatewayLimits limits;
  std::unique_ptr<SharedState> shared;
  std::unique_ptr<FileTable> files;

 private:
  io::Task<void> all(const transfer::Context& context, Body body) {
    shared = std::make_unique<SharedState>(context, limits);
    files = std::make_unique<FileTable>(*shared);
    io::TaskGroup tending(co_await io::this_scope());
    tending.spawn(files->tend());
    co_await body();
    EXPECT_EQ(shared->held.left(), limits.held_bytes_max) << "nobody holds anything any more";
    EXPECT_EQ(shared->fetching.available(), limits.fetching_bytes_max);
    tending.cancel();
    co_await tending.join();
    files.reset();
    shared.reset();
  }

  kit::EncodedFile file_{content, immutable::make_params(3, 10, kSize, kSegment).value(), cap::Key::from(Bytes(16, 9))};

 protected:
  const cap::ChkReadCap cap = file_.cap();
};

TEST_F(GatewayFiles, EverythingIsFetchedOnceHoweverOftenAndInWhateverOrderItIsRead) {
  run([this]() -> io::Task<void> {
    co_await expect_right({kSize * 8 / 10, kSize * 8 / 10 + 1});
    co_await expect_right({kSize * 8 / 10, kSize});
    co_await expect_right({0, kSize});
    co_await expect_right({1, kSize - 1});
    EXPECT_EQ(counters().segments_fetched, kSegments);
    EXPECT_EQ(counters().files_opened, 1u);
    EXPECT_GE(counters().segments_from_cache, kSegments + 1);
  });
}

TEST_F(GatewayFiles, ReadersOfTheSameBytesShareTheFetchThatIsOnItsWay) {
  for (const auto& server : grid.servers) server->a_byte_takes = milliseconds(1);
  run([this]() -> io::Task<void> {
    io::TaskGroup readers(grid.loop);
    for (std::uint64_t i = 0; i < 8; ++i) readers.spawn(expect_right({i * 100, kSize}));
    co_await readers.join();
    EXPECT_EQ(counters().segments_fetched, kSegments);
    EXPECT_EQ(counters().files_opened, 1u);
  });
}

TEST_F(GatewayFiles, NothingBehindTheRangeIsReadAhead) {
  run([this]() -> io::Task<void> {
    co_await expect_right({0, kSegment + 1});
    EXPECT_EQ(counters().segments_fetched, 2u);
    co_await expect_right({0, kSegment});
    co_await expect_right({5 * kSegment, 6 * kSegment});
    EXPECT_EQ(counters().segments_fetched, 3u);
  });
}

TEST_F(GatewayFiles, AReaderThatGoesEndsWhatOnlyItWanted) {
  for (const auto& server : grid.servers) server->a_byte_takes = milliseconds(1);
  run([this]() -> io::Task<void> {
    const auto timed_out = co_await io::with_timeout(milliseconds(3100), read({0, kSize}));
    EXPECT_FALSE(timed_out);
    const std::uint64_t then = from_servers();
    EXPECT_GT(then, 0u);
    static_cast<void>(co_await io::sleep_for(seconds(10)));
    EXPECT_LE(from_servers(), then + 10) << "one byte a server may have been on its way";
    co_await expect_right({0, kSize});
  });
}

TEST_F(GatewayFiles, AClientThatLeftWhileItWaitedIsNoticed) {
  for (const auto& server : grid.servers) server->a_byte_takes = seconds(1);
  run([this]() -> io::Task<void> {
    {
      const auto use = files->use(cap);
      FileReader reader(use->file(), [] { return true; });
      const io::Time begin = grid.loop.now();
      const auto got = co_await read_through(reader, {0, kSize});
      EXPECT_EQ(got.error().code, Errc::cancelled);
      EXPECT_EQ(grid.loop.now() - begin, seconds(2)) << "two looks";
    }
    EXPECT_EQ(counters().clients_left, 1u);
    EXPECT_EQ(files->open_files(), 0u) << "it was not even open, and nobody else wants it";
  });
}

TEST_F(GatewayFiles, ASlowGridIsWaitedForAsLongAsSomethingComes) {
  io::Duration pace = milliseconds(0);
  for (const auto& server : grid.servers) server->pace = [&pace](Range) { return pace; };
  run([this, &pace]() -> io::Task<void> {
    co_await expect_right({0, 10});
    pace = seconds(1);
    const io::Time begin = grid.loop.now();
    co_await expect_right({kSegment, 2 * kSegment});
    EXPECT_GT(grid.loop.now() - begin, 3 * limits.first_byte) << "else nothing is shown here";
  });
}

TEST_F(GatewayFiles, NobodyWaitsForAFirstByteWhenNothingComes) {
  io::Duration pace = milliseconds(0);
  for (const auto& server : grid.servers) server->pace = [&pace](Range) { return pace; };
  run([this, &pace]() -> io::Task<void> {
    co_await expect_right({0, 10});
    static_cast<void>(co_await io::sleep_for(seconds(40)));
    pace = std::chrono::hours(1);
    const io::Time begin = grid.loop.now();
    const auto got = co_await read({kSize - 10, kSize});
    EXPECT_EQ(got.has_value() ? Errc::io : got.error().code, Errc::timeout);
    EXPECT_GE(grid.loop.now() - begin, limits.first_byte) << "from when the reader came, not from what came before";
    EXPECT_LE(grid.loop.now() - begin, limits.first_byte + 2 * limits.look);
    static_cast<void>(co_await io::sleep_for(seconds(1)));
  });
}

TEST_F(GatewayFiles, SlowReadersDoNotMakeMemoryGrow) {
  limits.cache_bytes_max = 2 * kSegment;
  limits.held_bytes_max = 3 * kSegment;
  limits.fetching_bytes_max = 2 * kSegment;
  limits.piece_bytes = 100;
  run([this]() -> io::Task<void> {
    io::TaskGroup readers(grid.loop);
    for (std::uint64_t i = 0; i < 40; ++i) readers.spawn(expect_right({i * 77, kSize}, seconds(1)));
    for (int second = 0; readers.running() > 0; ++second) {
      static_cast<void>(co_await io::sleep_for(milliseconds(500)));
      EXPECT_LE(shared->cache.bytes(), limits.cache_bytes_max);
      EXPECT_LE(shared->held.left(), limits.held_bytes_max);
      if (second == 10) co_await expect_right({0, kSize});
    }
    co_await readers.join();
  });
}

TEST_F(GatewayFiles, AnIdleFileIsClosedAndOpenedAgainWhenWanted) {
  run([this]() -> io::Task<void> {
    co_await expect_right({0, kSize});
    static_cast<void>(co_await io::sleep_for(seconds(50)));
    EXPECT_EQ(files->open_files(), 1u);
    static_cast<void>(co_await io::sleep_for(seconds(30)));
    EXPECT_EQ(files->open_files(), 0u);
    co_await expect_right({0, kSize});
    EXPECT_EQ(counters().files_opened, 2u);
    EXPECT_EQ(counters().segments_fetched, kSegments) << "the segments were still there";
  });
}

TEST_F(GatewayFiles, WhatFailedIsTriedAnewByTheNextWhoAsks) {
  std::vector<Bytes> away;
  for (ShareNumber i = 0; i < 8; ++i) {
    away.push_back(std::move(grid.servers[i]->shares[i]));
    grid.servers[i]->shares.erase(i);
  }
  run([this, &away]() -> io::Task<void> {
    for (int attempt = 0; attempt < 2; ++attempt) {
      const auto got = co_await read({0, kSize});
      EXPECT_EQ(got.error().code, Errc::not_enough_shares);
    }
    EXPECT_EQ(counters().files_opened, 2u);
    for (ShareNumber i = 0; i < 8; ++i) grid.servers[i]->shares[i] = away[i];
    co_await expect_right({0, kSize});
  });
}

TEST_F(GatewayFiles, OnlySoManyAreOpenAndIdleOnesMakeRoom) {
  limits.open_files_max = 2;
  run([this]() -> io::Task<void> {
    cap::ChkReadCap second = cap, third = cap;
    second.ueb_hash.bytes[0] ^= 1;
    third.ueb_hash.bytes[0] ^= 2;
    co_await expect_right({0, 10});
    const auto one = files->use(second);
    EXPECT_TRUE(one.has_value());
    {
      const auto two = files->use(third);
      EXPECT_TRUE(two.has_value()) << "the idle one was closed for it";
      const auto refused = files->use(cap);
      EXPECT_EQ(refused.has_value() ? Errc::io : refused.error().code, Errc::unavailable);
    }
    EXPECT_TRUE(files->use(cap).has_value());
  });
}

TEST_F(GatewayFiles, CapsOfNothingTakeNoRoomFromFilesThatOpen) {
  limits.opening_files_max = 2;
  for (const auto& server : grid.servers) server->a_byte_takes = milliseconds(1);
  run([this]() -> io::Task<void> {
    cap::ChkReadCap second = cap, third = cap;
    second.ueb_hash.bytes[0] ^= 1;
    third.ueb_hash.bytes[0] ^= 2;
    {
      const auto one = files->use(second);
      static_cast<void>(co_await io::sleep_for(seconds(1)));
      const auto two = files->use(third);
      FileReader waits(one->file(), stays);
      const auto right = files->use(cap);
      const Result<void> opened = co_await waits.open();
      EXPECT_EQ(opened.has_value() ? Errc::io : opened.error().code, Errc::unavailable);
      EXPECT_FALSE(two->file().failed()) << "it has not waited as long";
      EXPECT_EQ(files->open_files(), 2u);
    }
    co_await expect_right({0, 10});
  });
}

TEST_F(GatewayFiles, TheIdOfAFileDoesNotDependOnWhatTheCapIsCalledAndTellsCapsApart) {
  cap::ChkReadCap other = cap;
  other.directory = true;
  EXPECT_EQ(file_id_of(cap), file_id_of(other));
  other = cap;
  other.size += 1;
  EXPECT_NE(file_id_of(cap), file_id_of(other));
}

}  // namespace
}  // namespace holdfast::test
