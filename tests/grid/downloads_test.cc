// Downloads that are cut, left, slowed down and started twice. Most files here have so many segments that their hash trees are
// fetched in pieces.
#include <gtest/gtest.h>

#include "grid/loopback_grid.h"
#include "grid/memory_grid.h"
#include "holdfast/core/immutable/share_test_kit.h"
#include "holdfast/node/transfer/readable_file.h"
#include "holdfast/node/transfer/segment_stream.h"

namespace holdfast::test {
namespace {

namespace kit = immutable::test_kit;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// k-of-n, a share on each server.
class Downloads : public testing::Test {
 protected:
  void make(unsigned k, unsigned n, std::uint64_t segment_bytes, std::uint64_t segments) {
    segment_bytes_ = segment_bytes;
    content_ = kit::plaintext_of(segment_bytes * segments);
    const auto params = immutable::make_params(k, n, content_.size(), segment_bytes).value();
    file_ = std::make_unique<kit::EncodedFile>(content_, params, cap::Key::from(Bytes(16, 9)));
    grid_ = std::make_unique<MemoryGrid>(n);
    for (unsigned i = 0; i < n; ++i)
      server(i).shares[static_cast<ShareNumber>(i)] = file_->share(static_cast<ShareNumber>(i));
  }
  MemoryServer& server(unsigned i) { return *grid_->servers[i]; }
  cap::Cap cap() const { return cap::Cap(file_->cap()); }
  Bytes at(const std::string& path) { return io::read_file(grid_->files, path, 1 << 30).value(); }

  /// Does `work` with a fetcher that is open.
  void with_fetcher(const std::function<io::Task<void>(transfer::SegmentFetcher&)>& work) {
    grid_->during([&](const transfer::Context& context) -> io::Task<void> {
      transfer::Link link(context.loop, context.random, grid_->patience);
      const cap::ChkReadCap cap = file_->cap();
      transfer::SegmentFetcher fetcher(context, link, cap::storage_index_of(cap.key), transfer::claim_of(cap),
                                       &cap.key);
      const Result<void> opened = co_await fetcher.open();
      EXPECT_TRUE(opened.has_value());
      co_await work(fetcher);
      co_await fetcher.close();
    });
  }

  std::uint64_t segment_bytes_ = 0;
  Bytes content_;
  std::unique_ptr<kit::EncodedFile> file_;
  std::unique_ptr<MemoryGrid> grid_;
};

TEST_F(Downloads, ACutBetweenHashesSpeaksAgainstNobody) {
  make(3, 3, 300, 2048);
  for (const std::uint64_t have : {7u, 103u, 411u}) {
    grid_->put_file("/home/f.part", ByteView(content_).first(have * segment_bytes_));
    unsigned cuts = 0;
    const std::uint64_t pair = file_->layout().block_hashes().begin + 32 * (2047 + have - have % 2);
    for (unsigned i = 0; i < 3; ++i) {
      server(i).cut = [pair, &cuts, done = false](Range range) mutable {
        if (done || range != Range{pair, pair + 64}) return false;
        ++cuts;
        return done = true;
      };
    }
    const auto report = grid_->download_to("/home/f", cap());
    ASSERT_TRUE(report.has_value()) << report.error().what;
    EXPECT_TRUE(report->warnings.empty()) << report->warnings.front();
    EXPECT_GT(cuts, 0u) << "nothing was tried";
    EXPECT_EQ(at("/home/f"), content_);
  }
}

TEST_F(Downloads, ReadersWhoLeaveSpeakAgainstNobody) {
  make(3, 10, 300, 2048);
  with_fetcher([this](transfer::SegmentFetcher& fetcher) -> io::Task<void> {
    const auto set_pace = [this](milliseconds each) {
      for (const auto& one : grid_->servers) one->a_byte_takes = each;
    };
    for (SegmentNumber seek = 0; seek < 12; ++seek) {
      const SegmentNumber here = 7 + 150 * seek;
      set_pace(milliseconds(2));
      const auto left = co_await io::with_timeout(milliseconds(100), fetcher.segments(here, here + 1));
      EXPECT_FALSE(left.has_value());
      set_pace(milliseconds(0));
      const auto got = co_await fetcher.segments(here + 75, here + 76);
      EXPECT_TRUE(got.has_value());
    }
    EXPECT_TRUE(fetcher.warnings().empty());
  });
}

// Blocks at once, and no hashes: a disk of which one place is bad.
TEST_F(Downloads, f12_ACopyWhoseHashesDoNotComeIsWaitedForOnceAndNotForEachRun) {
  make(3, 10, 300, 2048);
  with_fetcher([this](transfer::SegmentFetcher& fetcher) -> io::Task<void> {
    const auto before = co_await fetcher.segments(0, 16);
    EXPECT_TRUE(before.has_value());
    const Range data = file_->layout().data();
    for (unsigned i = 0; i < 7; ++i) {
      server(i).pace = [data](Range range) { return range.begin < data.end ? milliseconds(0) : seconds(100); };
    }
    const io::Time begin = grid_->loop.now();
    for (SegmentNumber first = 16; first < 2048; first += 16) {
      const auto got = co_await fetcher.segments(first, first + 16);
      EXPECT_TRUE(got && equal(got->front(), ByteView(content_).subspan(first * 300, 300)));
    }
    EXPECT_LT(grid_->loop.now() - begin, seconds(30));
  });
}

TEST_F(Downloads, MemoryDoesNotGrowWithTheSegmentsThatHavePassed) {
  make(3, 10, 60, 8192);
  with_fetcher([this](transfer::SegmentFetcher& fetcher) -> io::Task<void> {
    std::size_t most = 0;
    for (SegmentNumber first = 0; first < 8192; first += 64) {
      const auto got = co_await fetcher.segments(first, first + 64);
      EXPECT_TRUE(got.has_value());
      most = std::max(most, fetcher.file().crypttext().known_count());
    }
    EXPECT_LT(most, 512u);
    // Who goes back gets what he wants all the same.
    const auto again = co_await fetcher.segments(17, 18);
    EXPECT_TRUE(again && equal(again->front(), ByteView(content_).subspan(17 * 60, 60)));
  });
}

/// Takes each piece in a second that cannot be cut short, as a disk does; somebody stops it all at the fifth.
class SlowSink final : public transfer::Sink {
 public:
  SlowSink(io::Loop& loop, io::CancelScope& stopped) : loop_(loop), stopped_(stopped) {}
  io::Task<Result<void>> write(ByteView) override {
    if (++pieces == 5) stopped_.cancel();
    io::Event taken(loop_);
    const auto timer = loop_.at(loop_.now() + seconds(1), [&taken] { taken.notify_all(); });
    io::CancelScope own(loop_);
    io::Task<bool> waiting = taken.wait();
    static_cast<void>(co_await waiting.in(own));
    co_return Result<void>{};
  }
  unsigned pieces = 0;

 private:
  io::Loop& loop_;
  io::CancelScope& stopped_;
};

TEST_F(Downloads, AStopIsHeardWhereTheReaderIsSlowerThanTheLine) {
  make(3, 3, 300, 64);
  grid_->during([this](const transfer::Context& context) -> io::Task<void> {
    io::CancelScope stopped(co_await io::this_scope());
    SlowSink sink(context.loop, stopped);
    transfer::Progress progress;
    io::Task<Result<transfer::DownloadReport>> work = transfer::download(context, cap(), sink, {}, progress);
    const auto report = co_await work.in(stopped);
    EXPECT_FALSE(report.has_value());
    EXPECT_LT(sink.pieces, 20u) << "of 64";
  });
}

TEST_F(Downloads, AStreamThatHasFailedSkipsNothing) {
  make(3, 3, 300, 64);
  Bytes& share = server(0).shares.begin()->second;
  share[file_->layout().data().begin + 20 * 100] ^= 1;  // of segment 20
  with_fetcher([this](transfer::SegmentFetcher& fetcher) -> io::Task<void> {
    transfer::SegmentStream stream(co_await io::this_scope(), fetcher, 0, 64, 3 * 300);
    SegmentNumber expected = 0;
    Result<transfer::SegmentStream::Run> run = co_await stream.next();
    while (run) {
      EXPECT_EQ(run->first, expected);
      for (const Buffer& segment : run->segments) {
        EXPECT_TRUE(equal(segment, ByteView(content_).subspan(expected * segment_bytes_, segment_bytes_)));
        ++expected;
      }
      run = co_await stream.next();
    }
    EXPECT_LE(expected, 20u);
    EXPECT_GE(expected, 17u);
    run = co_await stream.next();
    EXPECT_FALSE(run.has_value());
    EXPECT_FALSE(stream.at_end());
    co_await stream.close();
  });
}

TEST_F(Downloads, TheSameShareOnAnotherServerIsASpare) {
  make(3, 3, 3'000, 4);
  MemoryGrid grid(4);
  for (unsigned i = 0; i < 4; ++i)
    grid.servers[i]->shares[static_cast<ShareNumber>(i % 3)] = server(i % 3).shares.begin()->second;
  const Range data = file_->layout().data();
  grid.servers[0]->pace = [data](Range range) {
    return range.begin >= data.begin && range.end <= data.end ? seconds(5) : seconds(0);
  };
  const io::Time begin = grid.loop.now();
  const auto got = grid.download(cap());
  ASSERT_TRUE(got.has_value()) << got.error().what;
  EXPECT_EQ(*got, content_);
  EXPECT_LT(grid.loop.now() - begin, seconds(120));
}

io::Task<void> get_into(const transfer::Context* context, cap::Cap cap, transfer::DownloadOptions options,
                        std::vector<Result<transfer::DownloadReport>>* out) {
  transfer::Progress progress;
  auto report = co_await transfer::download_file(*context, std::move(cap), "/home/f", std::move(options), progress);
  out->push_back(std::move(report));
}

TEST_F(Downloads, TwoIntoOneNameAreKeptApart) {
  make(3, 10, 3'000, 20);
  ASSERT_TRUE(grid_->files.make_directories("/home").has_value());
  for (const auto& one : grid_->servers) one->a_byte_takes = std::chrono::microseconds(10);
  std::vector<Result<transfer::DownloadReport>> reports;
  grid_->during([&](const transfer::Context& context) -> io::Task<void> {
    io::TaskGroup group(co_await io::this_scope());
    for (int i = 0; i < 2; ++i) group.spawn(get_into(&context, cap(), {}, &reports));
    co_await group.join();
  });
  ASSERT_EQ(reports.size(), 2u);
  const bool first_was_refused = !reports[0];
  EXPECT_EQ(reports[first_was_refused ? 0 : 1].error().code, Errc::conflict);
  EXPECT_TRUE(reports[first_was_refused ? 1 : 0].has_value());
  EXPECT_EQ(at("/home/f"), content_);
}

TEST_F(Downloads, ARangeGoesOnWhereItBrokeAndLeavesTheWholeFileAlone) {
  make(3, 10, 3'000, 40);
  grid_->put_file("/home/f.part", ByteView(content_).first(5'000));
  const Range range{1'000, 100'500};
  transfer::DownloadOptions options;
  options.range = range;
  std::vector<Result<transfer::DownloadReport>> reports;
  grid_->during([&](const transfer::Context& context) -> io::Task<void> {
    for (const auto& one : grid_->servers) one->a_byte_takes = std::chrono::microseconds(100);
    {
      io::TaskGroup group(co_await io::this_scope());
      group.spawn(get_into(&context, cap(), options, &reports));
      co_await io::sleep_for(seconds(2));
      group.cancel();
      co_await group.join();
    }
    for (const auto& one : grid_->servers) one->a_byte_takes = {};
    co_await get_into(&context, cap(), options, &reports);
  });
  ASSERT_EQ(reports.size(), 2u);
  EXPECT_FALSE(reports[0].has_value());
  ASSERT_TRUE(reports[1].has_value()) << reports[1].error().what;
  EXPECT_GT(reports[1]->bytes_skipped, 3'000u);
  EXPECT_LT(reports[1]->bytes_skipped, range.size());
  EXPECT_EQ(at("/home/f"), to_bytes(ByteView(content_).subspan(range.begin, range.size())));
  EXPECT_EQ(at("/home/f.part").size(), 5'000u);
}

TEST_F(Downloads, WhatIsWrongInThePartOfARangeIsFetchedAgain) {
  make(3, 10, 3'000, 40);
  for (const Range range :
       {Range{0, 9'000}, Range{1, 9'001}, Range{2'999, 120'000}, Range{3'000, 3'001}, Range{60'000, 120'000}}) {
    Bytes part = to_bytes(ByteView(content_).subspan(range.begin, range.size()));
    part[part.size() / 2] ^= 1;
    part.resize(part.size() + 100);
    grid_->put_file("/home/f." + std::to_string(range.begin) + "-" + std::to_string(range.end - 1) + ".part", part);
    std::vector<Result<transfer::DownloadReport>> reports;
    transfer::DownloadOptions options;
    options.range = range;
    grid_->during([&](const transfer::Context& context) { return get_into(&context, cap(), options, &reports); });
    ASSERT_TRUE(reports[0].has_value()) << reports[0].error().what;
    EXPECT_EQ(at("/home/f"), to_bytes(ByteView(content_).subspan(range.begin, range.size()))) << range.begin;
  }
}

TEST_F(Downloads, WhatCannotBeIsSaid) {
  make(3, 10, 3'000, 4);
  ASSERT_TRUE(grid_->files.make_directories("/home").has_value());
  std::vector<Result<transfer::DownloadReport>> reports;
  transfer::DownloadOptions behind;
  behind.range = Range{12'000, 12'001};
  cap::ChkReadCap empty = file_->cap();
  empty.size = 0;
  grid_->put_file("/home/f.part", Bytes(777, 1));
  grid_->during([&](const transfer::Context& context) -> io::Task<void> {
    co_await get_into(&context, cap(), behind, &reports);
    co_await get_into(&context, cap::Cap(empty), {}, &reports);
  });
  for (const auto& report : reports) EXPECT_EQ(report.error().code, Errc::malformed);
  EXPECT_FALSE(grid_->files.info("/home/f").has_value());
}

/// On threads: what a worker looks at must not be what the loop writes to.
TEST(DownloadsOverConnections, AFileOfManySegmentsComesBackAndNobodyIsAccused) {
  constexpr std::uint64_t kSegment = 1'536;
  const Bytes content = kit::plaintext_of(kSegment * 2'500);
  const auto pems = make_pems(3);
  LoopbackGrid grid(3, pems);
  grid.put_file("/home/f", content);
  grid.run([&](const transfer::Context& context) -> io::Task<void> {
    transfer::UploadOptions options;
    options.k = options.n = options.happy = 3;
    options.segment_bytes_max = kSegment;
    transfer::Progress progress;
    const auto up = co_await transfer::upload_file(context, "/home/f", options, progress);
    EXPECT_TRUE(up.has_value());
    if (!up) co_return;
    for (int i = 0; i < 3; ++i) {
      MemorySink sink;
      const auto got = co_await transfer::download(context, cap::parse_cap(up->cap), sink, {}, progress);
      EXPECT_TRUE(got && got->warnings.empty() && sink.content == content);
    }
  });
}

}  // namespace
}  // namespace holdfast::test
