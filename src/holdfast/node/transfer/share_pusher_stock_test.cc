// Towards servers as Tahoe has them: no status, whole requests or nothing, forgotten after half an hour.
#include <gtest/gtest.h>

#include <algorithm>

#include "holdfast/core/immutable/share_test_kit.h"
#include "holdfast/edge/io/memory_file_system.h"
#include "holdfast/edge/io/simulated_loop.h"
#include "holdfast/edge/io/spd_log.h"
#include "holdfast/edge/io/task_group.h"
#include "holdfast/node/transfer/share_pusher.h"
#include "support/seeded_random.h"

namespace holdfast::transfer {
namespace {

using immutable::test_kit::memory_store;
using immutable::test_kit::plaintext_of;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::uint64_t kSegmentBytes = 512 * 1024;
constexpr SegmentNumber kSegments = 20;

/// One upload of share 0, in memory.
class StockServer final : public grid::StorageServer {
 public:
  StockServer(io::Loop& loop, std::uint64_t share_bytes) : loop_(loop), content(share_bytes) {
    missing.add({0, share_bytes});
  }

  const std::string& id() const override { return name_; }
  const std::string& name() const override { return name_; }
  ByteView permutation_seed() const override { return view_of(name_); }
  std::optional<SpkiHash> spki() const override { return SpkiHash{}; }
  std::optional<TubId> tub_id() const override { return TubId{}; }
  io::Task<Result<grid::VersionAnswer>> version() override { co_return grid::VersionAnswer{}; }
  io::Task<Result<std::vector<ShareNumber>>> list_shares(const StorageIndex&) override {
    std::vector<ShareNumber> out;
    if (missing.empty()) out.push_back(0);
    co_return out;
  }
  io::Task<Result<protocol::AllocateReply>> allocate(const StorageIndex&, protocol::AllocateRequest,
                                                     const grid::AllocateSecrets&) override {
    ++allocations;
    missing.clear();
    missing.add({0, content.size()});
    touched = loop_.now();
    protocol::AllocateReply reply;
    reply.allocated.insert(0);
    co_return reply;
  }
  io::Task<Result<grid::WriteAnswer>> write(const StorageIndex&, ShareNumber, std::uint64_t offset,
                                            grid::ByteSource& source, const Secret&) override {
    most_at_once = std::max(most_at_once, ++at_once);
    largest = std::max(largest, source.length());
    const unsigned number = ++writes;
    Bytes body;
    Result<ByteView> piece = co_await source.next();
    for (; piece && !piece->empty(); piece = co_await source.next()) append(body, *piece);
    const bool arrived = co_await io::sleep_for(milliseconds(100));
    --at_once;
    if (!arrived) co_return fail(Errc::cancelled, "stopped");
    if (number == cut) co_return fail(Errc::unavailable, "cut");  // and nothing of it is kept
    if (loop_.now() - touched > minutes(30)) ++forgotten;
    if (forgotten > 0 || missing.empty()) co_return fail(Errc::not_found, "no such upload");
    touched = loop_.now();
    std::ranges::copy(body, content.begin() + static_cast<std::ptrdiff_t>(offset));
    missing.subtract({offset, offset + body.size()});
    grid::WriteAnswer answer;
    answer.complete = missing.empty();
    answer.required = missing;
    co_return answer;
  }
  io::Task<Result<void>> abort(const StorageIndex&, ShareNumber, const Secret&) override { co_return Result<void>{}; }
  io::Task<Result<protocol::UploadStatus>> status(const StorageIndex&, const Secret&) override {
    co_return fail(Errc::unsupported, "");
  }
  io::Task<Result<Bytes>> read(const StorageIndex&, ShareNumber, Range range) override {
    co_return to_bytes(ByteView(content).subspan(range.begin, range.size()));
  }
  io::Task<Result<void>> add_lease(const StorageIndex&, const Secret&, const Secret&) override {
    co_return Result<void>{};
  }
  io::Task<Result<void>> advise_corrupt(const StorageIndex&, ShareNumber, std::string) override {
    co_return Result<void>{};
  }
  grid::Traffic traffic() const override { return {}; }

 private:
  io::Loop& loop_;
  const std::string name_ = "stock";

 public:
  Bytes content;
  RangeSet missing;
  io::Time touched{};
  unsigned allocations = 0, writes = 0, at_once = 0, most_at_once = 0, forgotten = 0, cut = 0;
  std::uint64_t largest = 0;
};

/// A file whose segments take their time.
class SlowSource final : public SegmentSource {
 public:
  SlowSource(const Bytes& plaintext, const immutable::Geometry& geometry)
      : plaintext_(plaintext), geometry_(geometry) {}
  io::Task<Result<Buffer>> next() override {
    if (next_ == stalls_before) static_cast<void>(co_await io::sleep_for(stall));
    const Range range = geometry_.segment_range(next_++);
    co_return to_buffer(ByteView(plaintext_).subspan(range.begin, range.size()));
  }
  io::Task<Result<Buffer>> again(SegmentNumber segment) override {
    const Range range = geometry_.segment_range(segment);
    co_return to_buffer(ByteView(plaintext_).subspan(range.begin, range.size()));
  }
  io::Task<Result<void>> prove() override { co_return Result<void>{}; }

  SegmentNumber stalls_before = kSegments;
  io::Duration stall{};

 private:
  const Bytes& plaintext_;
  const immutable::Geometry geometry_;
  SegmentNumber next_ = 0;
};

class StockServerTest : public testing::Test {
 protected:
  io::Task<void> run_front() { front_ = co_await pipeline_.run(); }

  io::Task<void> upload(SharePusher::Start start) {
    SharePusher pusher(job_, server_, 0, grid::AllocateSecrets{}, std::move(start));
    io::TaskGroup group(co_await io::this_scope());
    group.spawn(run_front());
    pipeline_.open();
    co_await pusher.run();
    co_await group.join();
    state_ = pusher.state();
    sent_ = pusher.bytes_sent();
    resent_ = pusher.bytes_resent();
  }

  void run(SharePusher::Start start) {
    io::CancelScope scope(loop_);
    ASSERT_TRUE(loop_.run(upload(std::move(start)), scope)) << "somebody waits for ever";
    EXPECT_TRUE(front_);
    EXPECT_EQ(state_, SharePusher::State::placed);
    EXPECT_EQ(server_.content, file_.share(0));
  }
  SharePusher::Start all_missing() const {
    SharePusher::Start start;
    start.required = server_.missing;
    return start;
  }

  const Bytes plaintext_ = plaintext_of(kSegments * kSegmentBytes);
  const immutable::Params params_ = immutable::make_params(1, 1, plaintext_.size(), kSegmentBytes).value();
  const immutable::Geometry geometry_ = immutable::Geometry::create(params_).value();
  const cap::Key key_ = cap::Key::from(Bytes(16, 9));
  immutable::test_kit::EncodedFile file_{plaintext_, params_, key_};
  const immutable::SegmentEncoder segment_encoder_{geometry_, &key_};

  io::SimulatedLoop loop_;
  test::SeededRandom random_{1};
  io::MemoryFileSystem files_{random_};
  io::NullLog log_;
  std::unique_ptr<io::WorkerPool> pool_ = io::make_inline_pool(loop_);
  const Context context_{loop_, *pool_, *pool_, files_, random_, log_, {}, {}, Secret(), Secret(), "/transfers"};
  Link link_{loop_, random_, Patience{}};
  const StorageIndex si_{};
  SlowSource source_{plaintext_, geometry_};
  immutable::Encoder encoder_{geometry_, immutable::ShareLayout(geometry_), memory_store};
  SegmentPipeline pipeline_{context_, source_, segment_encoder_, encoder_, SegmentPipeline::Limits{}};
  PushJob job_{context_, link_, si_, encoder_, pipeline_, [] {}};
  StockServer server_{loop_, file_.layout().size()};
  Result<void> front_ = fail(Errc::cancelled, "");
  SharePusher::State state_ = SharePusher::State::running;
  std::uint64_t sent_ = 0, resent_ = 0;
};

TEST_F(StockServerTest, TwoRequestsOfAMebibyteAreOnTheirWayAndEveryByteIsSentOnce) {
  run(all_missing());
  EXPECT_EQ(server_.most_at_once, 2u);
  EXPECT_EQ(server_.largest, 1'048'576u);
  EXPECT_EQ(sent_, file_.layout().size());
  EXPECT_LT(loop_.now(), io::Time{} + milliseconds(100) * (server_.writes / 2 + 3)) << "not one after the other";
}

TEST_F(StockServerTest, ACutCostsWhatWasInTheUnansweredRequests) {
  server_.cut = 5;
  run(all_missing());
  EXPECT_LE(resent_, 2u * 1'048'576u);
  EXPECT_GE(resent_, 1'048'576u);
  EXPECT_EQ(server_.allocations, 0u);
}

TEST_F(StockServerTest, WhatAnEarlierProcessLeftIsAskedForByOneByte) {
  const Bytes share = file_.share(0);
  const Range held{0, 3 * 1'048'576};
  std::copy_n(share.begin(), held.size(), server_.content.begin());
  server_.missing.subtract(held);
  run(SharePusher::Start{});
  EXPECT_EQ(server_.allocations, 0u);
  // Besides what is missing: the header and the tail once more, over what is held, and blocks that were cut in two.
  EXPECT_LE(sent_, share.size() - held.size() + 2 * 4096);
}

TEST_F(StockServerTest, AShareThatWaitsForItsBytesIsNotForgotten) {
  source_.stalls_before = 7;
  source_.stall = minutes(300);
  run(all_missing());
  EXPECT_EQ(server_.forgotten, 0u);
  EXPECT_EQ(server_.allocations, 0u);
  EXPECT_GT(loop_.now(), io::Time{} + minutes(300));
}

}  // namespace
}  // namespace holdfast::transfer
