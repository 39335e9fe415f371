#include "holdfast/node/transfer/segment_pipeline.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "holdfast/core/immutable/share_test_kit.h"
#include "holdfast/edge/io/memory_file_system.h"
#include "holdfast/edge/io/simulated_loop.h"
#include "holdfast/edge/io/spd_log.h"
#include "holdfast/edge/io/task_group.h"
#include "support/seeded_random.h"

namespace holdfast::transfer {
namespace {

using immutable::test_kit::memory_store;
using immutable::test_kit::plaintext_of;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr unsigned kNeeded = 2, kTotal = 4;
constexpr std::uint64_t kSegmentBytes = 64;
constexpr std::uint64_t kEncodedBytes = kSegmentBytes / kNeeded * kTotal;
constexpr SegmentNumber kSegments = 41;  // the last one short
constexpr SegmentNumber kWindow = 6;
constexpr io::Duration kLeftBehindAfter = milliseconds(1500);

/// The file in memory. Fails where it is told to, and notes what was asked for.
class MemorySource final : public SegmentSource {
 public:
  MemorySource(const Bytes& plaintext, const immutable::Geometry& geometry)
      : plaintext_(plaintext), geometry_(geometry) {}

  io::Task<Result<Buffer>> next() override {
    const SegmentNumber segment = delivered++;
    if (on_next) on_next(segment);
    if (next_fails && next_fails->first == segment) co_return tl::make_unexpected(next_fails->second);
    co_return bytes_of(segment);
  }
  io::Task<Result<Buffer>> again(SegmentNumber segment) override {
    ++made_again;
    if (again_fails) co_return tl::make_unexpected(*again_fails);
    Buffer bytes = bytes_of(segment);
    if (has_changed) bytes.front() ^= 1;
    co_return std::move(bytes);
  }
  io::Task<Result<void>> prove() override {
    if (prove_fails) co_return tl::make_unexpected(*prove_fails);
    co_return Result<void>{};
  }

  SegmentNumber delivered = 0;
  unsigned made_again = 0;
  std::function<void(SegmentNumber)> on_next;
  std::optional<std::pair<SegmentNumber, Error>> next_fails;
  std::optional<Error> again_fails, prove_fails;
  bool has_changed = false;  // since the front passed

 private:
  Buffer bytes_of(SegmentNumber segment) const {
    const Range range = geometry_.segment_range(segment);
    return to_buffer(ByteView(plaintext_).subspan(range.begin, range.size()));
  }

  const Bytes& plaintext_;
  const immutable::Geometry geometry_;
};

/// One share on its way to a server that takes `pace` for each segment.
struct Sender {
  io::Duration pace{0};
  SegmentNumber first = 0;
  std::map<SegmentNumber, io::Duration> stalls = {};  // before this segment is asked for

  Bytes received = {};
  SegmentNumber position = 0;  // below it nothing is asked for any more
  bool gone = false;
  io::Time ended{};
  std::optional<Error> error = std::nullopt;
};

class SegmentPipelineTest : public testing::Test {
 protected:
  SegmentPipelineTest() { start_over(); }

  void start_over(const immutable::NodeStoreFactory& stores = memory_store) {
    source_.emplace(plaintext_, geometry_);
    encoder_.emplace(geometry_, immutable::ShareLayout(geometry_), stores);
    SegmentPipeline::Limits limits;
    limits.window_bytes = kWindow * kEncodedBytes;
    limits.left_behind_after = kLeftBehindAfter;
    pipeline_.emplace(context_, *source_, segment_encoder_, *encoder_, limits);
    outcome_.reset();
    front_ended_ = {};
  }

  /// A share's blocks as they must be.
  Bytes blocks_of(ShareNumber share, SegmentNumber first = 0) {
    Bytes out;
    for (SegmentNumber s = first; s < kSegments; ++s) append(out, file_.segments()[s].block(share));
    return out;
  }

  io::Task<void> run_front() {
    outcome_ = co_await pipeline_->run();
    front_ended_ = loop_.now();
  }

  io::Task<void> send(ShareNumber share, Sender* sender) {
    SegmentPipeline::Reader reader(*pipeline_);
    reader.seek(sender->first);
    sender->position = sender->first;
    for (SegmentNumber s = sender->first; s < kSegments && !sender->error; ++s) {
      if (sender->stalls.contains(s)) co_await io::sleep_for(sender->stalls[s]);
      sender->position = s;
      const Result<SharedSegment> segment = co_await reader.segment(s);
      if (segment) {
        given_[s] = *segment;
        append(sender->received, (*segment)->block(share));
        if (sender->pace.count() > 0) co_await io::sleep_for(sender->pace);
      } else {
        sender->error = segment.error();
      }
    }
    sender->ended = loop_.now();
    sender->gone = true;
  }

  /// Everything at once: all senders attach themselves, then the pipeline is opened.
  io::Task<void> upload(std::vector<Sender>* senders) {
    io::TaskGroup group(co_await io::this_scope());
    group.spawn(run_front());
    for (std::size_t i = 0; i < senders->size(); ++i) group.spawn(send(static_cast<ShareNumber>(i), &senders->at(i)));
    pipeline_->open();
    co_await group.join();
  }

  void run(io::Task<void> task) {
    io::CancelScope scope(loop_);
    ASSERT_TRUE(loop_.run(std::move(task), scope)) << "somebody waits for ever";
  }

  void expect_right_bytes(const std::vector<Sender>& senders) {
    for (std::size_t i = 0; i < senders.size(); ++i) {
      EXPECT_FALSE(senders[i].error) << senders[i].error->what;
      EXPECT_EQ(senders[i].received, blocks_of(static_cast<ShareNumber>(i), senders[i].first)) << "share " << i;
    }
    ASSERT_TRUE(outcome_);
    EXPECT_TRUE(*outcome_);
    EXPECT_EQ(encoder_->uri_extension_hash(), file_.encoder().uri_extension_hash());
  }

  const Bytes plaintext_ = plaintext_of(kSegmentBytes * (kSegments - 1) + 17);
  const immutable::Params params_ = immutable::make_params(kNeeded, kTotal, plaintext_.size(), kSegmentBytes).value();
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

  std::optional<MemorySource> source_;
  std::optional<immutable::Encoder> encoder_;
  std::optional<SegmentPipeline> pipeline_;
  std::optional<Result<void>> outcome_;
  io::Time front_ended_{};
  std::map<SegmentNumber, std::weak_ptr<const immutable::EncodedSegment>> given_;
};

TEST_F(SegmentPipelineTest, gives_each_reader_the_blocks_of_its_share_and_reads_the_file_once) {
  ASSERT_EQ(geometry_.num_segments(), kSegments);
  std::vector<Sender> senders(kTotal);
  run(upload(&senders));
  expect_right_bytes(senders);
  EXPECT_EQ(source_->delivered, kSegments);
  EXPECT_EQ(source_->made_again, 0u);
  EXPECT_TRUE(pipeline_->is_finished());
  EXPECT_FALSE(pipeline_->failure());
}

TEST_F(SegmentPipelineTest, is_never_further_than_its_window_ahead_of_the_slowest) {
  std::vector<Sender> senders(kTotal);
  senders[0].pace = milliseconds(10);
  senders[1].pace = milliseconds(40);
  senders[2].pace = milliseconds(25);
  senders[3].stalls[7] = milliseconds(300);
  SegmentNumber furthest = 0;
  std::size_t most_held = 0;
  source_->on_next = [&](SegmentNumber segment) {
    const auto held = std::ranges::count_if(given_, [](const auto& each) { return !each.second.expired(); });
    most_held = std::max(most_held, static_cast<std::size_t>(held));
    SegmentNumber slowest = kSegments;
    for (const Sender& sender : senders) slowest = std::min(slowest, sender.gone ? kSegments : sender.position);
    if (slowest < kSegments) furthest = std::max(furthest, segment + 1 - slowest);
  };
  run(upload(&senders));
  expect_right_bytes(senders);
  EXPECT_EQ(furthest, kWindow) << "all of it is used, and no more";
  EXPECT_LE(most_held, kWindow) << "what all have passed is let go of";
  EXPECT_GE(most_held, kWindow - 2);
  EXPECT_EQ(source_->made_again, 0u);
}

TEST_F(SegmentPipelineTest, leaves_one_behind_who_lags_while_the_others_starve_and_serves_it_all_the_same) {
  std::vector<Sender> senders(kTotal);
  senders[2].pace = seconds(100);
  run(upload(&senders));
  expect_right_bytes(senders);
  for (const std::size_t fast : {0u, 1u, 3u}) {
    EXPECT_GE(senders[fast].ended, io::Time{} + kLeftBehindAfter);
    EXPECT_LE(senders[fast].ended, io::Time{} + kLeftBehindAfter * 3 / 2)
        << "one server cost the others no more than the wait";
  }
  EXPECT_LE(front_ended_, io::Time{} + kLeftBehindAfter * 3 / 2);
  EXPECT_GE(source_->made_again, kSegments - kWindow - 1);
  EXPECT_LE(source_->made_again, kSegments);
}

TEST_F(SegmentPipelineTest, makes_a_segment_again_once_for_those_who_lag_together) {
  std::vector<Sender> senders(6);  // two of them the same share as others: blocks are blocks
  for (std::size_t i : {2u, 3u}) senders[i].pace = seconds(100);
  const auto share = [](std::size_t i) { return static_cast<ShareNumber>(i % kTotal); };
  auto all = [&]() -> io::Task<void> {
    io::TaskGroup group(co_await io::this_scope());
    group.spawn(run_front());
    for (std::size_t i = 0; i < senders.size(); ++i) group.spawn(send(share(i), &senders[i]));
    pipeline_->open();
    co_await group.join();
  };
  run(all());
  for (std::size_t i = 0; i < senders.size(); ++i) EXPECT_EQ(senders[i].received, blocks_of(share(i))) << i;
  EXPECT_GE(source_->made_again, kSegments - kWindow - 1);
  EXPECT_LE(source_->made_again, kSegments) << "not twice";
}

TEST_F(SegmentPipelineTest, leaves_none_behind_when_all_are_slow) {
  std::vector<Sender> senders(kTotal);
  for (std::size_t i = 0; i < kTotal; ++i) senders[i].pace = seconds(20) + milliseconds(i);
  run(upload(&senders));
  expect_right_bytes(senders);
  EXPECT_EQ(source_->made_again, 0u);
}

TEST_F(SegmentPipelineTest, leaves_none_behind_for_a_pause_shorter_than_the_wait) {
  std::vector<Sender> senders(kTotal);
  senders[1].stalls[1] = kLeftBehindAfter * 3 / 4;
  run(upload(&senders));
  expect_right_bytes(senders);
  EXPECT_EQ(source_->made_again, 0u);
}

TEST_F(SegmentPipelineTest, leaves_one_behind_who_moves_but_always_holds_the_others_up) {
  std::vector<Sender> senders(kTotal);
  senders[1].pace = kLeftBehindAfter / 2;
  run(upload(&senders));
  expect_right_bytes(senders);
  EXPECT_GT(source_->made_again, 0u);
}

TEST_F(SegmentPipelineTest, takes_one_who_was_left_behind_back_where_the_others_are) {
  std::vector<Sender> senders(kTotal);
  for (std::size_t i : {0u, 1u, 2u}) senders[i].pace = milliseconds(100);
  senders[3].stalls[2] = seconds(3);  // then as fast as it can
  run(upload(&senders));
  expect_right_bytes(senders);
  EXPECT_GT(source_->made_again, 0u);
  EXPECT_LT(source_->made_again, kSegments - 2 * kWindow) << "once it has caught up, it reads along";
}

TEST_F(SegmentPipelineTest, waits_with_one_window_for_its_readers_until_it_is_opened) {
  auto late = [&]() -> io::Task<void> {
    io::TaskGroup group(co_await io::this_scope());
    group.spawn(run_front());
    co_await io::sleep_for(seconds(60));
    EXPECT_EQ(source_->delivered, kWindow);
    std::vector<Sender> senders(kTotal);
    for (std::size_t i = 0; i < kTotal; ++i) group.spawn(send(static_cast<ShareNumber>(i), &senders[i]));
    co_await io::sleep_for(seconds(60));
    EXPECT_LE(source_->delivered, kWindow) << "more readers may come, who need the beginning";
    for (const Sender& sender : senders) EXPECT_FALSE(sender.gone);
    pipeline_->open();
    co_await group.join();
    expect_right_bytes(senders);
  };
  run(late());
  EXPECT_EQ(source_->made_again, 0u);
}

TEST_F(SegmentPipelineTest, runs_to_the_end_without_readers_once_it_is_open) {
  std::vector<Sender> none;
  run(upload(&none));
  expect_right_bytes(none);
  EXPECT_EQ(source_->delivered, kSegments);
  EXPECT_EQ(loop_.now(), io::Time{}) << "nothing to wait for";
}

TEST_F(SegmentPipelineTest, serves_those_who_come_when_it_is_over) {
  std::vector<Sender> senders(kTotal);
  auto after = [&]() -> io::Task<void> {
    pipeline_->open();
    co_await run_front();
    io::TaskGroup group(co_await io::this_scope());
    for (std::size_t i = 0; i < kTotal; ++i) group.spawn(send(static_cast<ShareNumber>(i), &senders[i]));
    co_await group.join();
  };
  run(after());
  expect_right_bytes(senders);
  EXPECT_LE(source_->made_again, 2 * kSegments) << "together, mostly";
}

TEST_F(SegmentPipelineTest, starts_a_resumed_share_where_it_stopped) {
  std::vector<Sender> senders(kTotal);
  for (std::size_t i = 0; i < kTotal; ++i) {
    senders[i].first = 30 + i;
    senders[i].pace = milliseconds(1);
  }
  run(upload(&senders));
  expect_right_bytes(senders);
  EXPECT_EQ(source_->made_again, 0u);
  EXPECT_EQ(source_->delivered, kSegments) << "the file is proven whole all the same";
}

/// After a cut: what was sent did not arrive, though the share is still attached.
io::Task<void> go_back(SegmentPipeline* pipeline, SegmentNumber from, SegmentNumber to, bool* right) {
  SegmentPipeline::Reader reader(*pipeline);
  for (SegmentNumber s = 0; s <= from; ++s) (void)co_await reader.segment(s);
  const Result<SharedSegment> earlier = co_await reader.segment(to);
  *right = earlier && (*earlier)->number() == to;
}

/// Off until Reader::seek lets go of a place behind the window: such a reader waits to be left behind, and for ever when
/// the front is through.
TEST_F(SegmentPipelineTest, gives_a_reader_at_once_what_the_window_has_no_more) {
  for (const SegmentNumber from : {kWindow + 3, kSegments - 1}) {
    SCOPED_TRACE(from);
    start_over();
    bool right = false;
    auto both = [&]() -> io::Task<void> {
      io::TaskGroup group(co_await io::this_scope());
      group.spawn(run_front());
      group.spawn(go_back(&*pipeline_, from, 1, &right));
      pipeline_->open();
      co_await group.join();
    };
    const io::Time start = loop_.now();
    run(both());
    EXPECT_TRUE(right);
    EXPECT_LT(loop_.now() - start, kLeftBehindAfter) << "without waiting to be left behind";
  }
}

TEST_F(SegmentPipelineTest, hands_out_nothing_of_what_the_source_has_become_since) {
  source_->has_changed = true;
  bool right = false;
  auto both = [&]() -> io::Task<void> {
    io::TaskGroup group(co_await io::this_scope());
    group.spawn(run_front());
    group.spawn(go_back(&*pipeline_, kSegments - 1, 1, &right));
    pipeline_->open();
    co_await group.join();
  };
  run(both());
  EXPECT_FALSE(right);
  ASSERT_TRUE(pipeline_->failure().has_value());
  EXPECT_EQ(pipeline_->failure()->code, Errc::changed);
}

TEST_F(SegmentPipelineTest, tells_every_reader_that_the_source_failed) {
  source_->next_fails = {20, Error{Errc::changed, "the file changed"}};
  std::vector<Sender> senders(kTotal);
  senders[1].pace = milliseconds(200);
  senders[3].first = 35;  // waits for what will not come
  auto with_somebody_who_waits_for_the_end = [&]() -> io::Task<void> {
    io::TaskGroup group(co_await io::this_scope());
    group.spawn(upload(&senders));
    const Result<void> finished = co_await pipeline_->finished();
    EXPECT_EQ(finished.error().code, Errc::changed);
    co_await group.join();
  };
  run(with_somebody_who_waits_for_the_end());
  ASSERT_TRUE(outcome_);
  EXPECT_EQ(outcome_->error().code, Errc::changed);
  EXPECT_EQ(pipeline_->failure()->code, Errc::changed);
  EXPECT_FALSE(pipeline_->is_finished());
  for (const Sender& sender : senders) {
    ASSERT_TRUE(sender.error);
    EXPECT_EQ(sender.error->code, Errc::changed);
  }
}

TEST_F(SegmentPipelineTest, finishes_for_nobody_when_the_source_cannot_prove_itself) {
  source_->prove_fails = Error{Errc::changed, "another key"};
  std::vector<Sender> senders(kTotal);
  run(upload(&senders));
  EXPECT_EQ(outcome_->error().code, Errc::changed);
  EXPECT_FALSE(pipeline_->is_finished());
  EXPECT_FALSE(encoder_->finished()) << "no tail, no cap";
}

/// Answers writes until it is full.
class FullStore final : public hashtree::NodeStore {
 public:
  FullStore(std::unique_ptr<hashtree::NodeStore> inner, unsigned writes) : inner_(std::move(inner)), left_(writes) {}
  Result<void> write(std::uint64_t first, std::span<const Hash> hashes) override {
    if (left_ == 0) return fail(Errc::no_space, "the disk is full");
    --left_;
    return inner_->write(first, hashes);
  }
  Result<void> read(std::uint64_t first, std::span<Hash> out) const override { return inner_->read(first, out); }

 private:
  std::unique_ptr<hashtree::NodeStore> inner_;
  unsigned left_;
};

TEST_F(SegmentPipelineTest, tells_every_reader_that_the_hashes_cannot_be_kept) {
  start_over([](std::uint64_t hashes) { return std::make_unique<FullStore>(memory_store(hashes), 60); });
  std::vector<Sender> senders(kTotal);
  senders[0].pace = milliseconds(10);
  run(upload(&senders));
  EXPECT_EQ(outcome_->error().code, Errc::no_space);
  for (const Sender& sender : senders) {
    ASSERT_TRUE(sender.error);
    EXPECT_EQ(sender.error->code, Errc::no_space);
  }
}

TEST_F(SegmentPipelineTest, tells_every_reader_that_a_segment_is_not_what_it_was) {
  source_->again_fails = Error{Errc::changed, "the file changed"};
  std::vector<Sender> senders(kTotal);
  senders[2].stalls[1] = seconds(10);
  for (std::size_t i : {0u, 1u, 3u}) senders[i].pace = seconds(1);
  run(upload(&senders));
  EXPECT_EQ(outcome_->error().code, Errc::changed);
  for (const Sender& sender : senders) {
    ASSERT_TRUE(sender.error);
    EXPECT_EQ(sender.error->code, Errc::changed);
  }
}

TEST_F(SegmentPipelineTest, fails_one_reader_alone_when_only_its_segment_could_not_be_read_again) {
  source_->again_fails = Error{Errc::io, "a bad sector, for a moment"};
  std::vector<Sender> senders(kTotal);
  senders[2].stalls[1] = seconds(100);
  run(upload(&senders));
  EXPECT_EQ(senders[2].error->code, Errc::io);
  senders.pop_back();
  senders.pop_back();
  expect_right_bytes(senders);
}

TEST_F(SegmentPipelineTest, stops_when_it_is_cancelled_and_tells_every_reader) {
  std::vector<Sender> senders(kTotal);
  for (Sender& sender : senders) sender.pace = milliseconds(100);
  auto cancelled = [&]() -> io::Task<void> {
    io::TaskGroup front(co_await io::this_scope());
    io::TaskGroup readers(co_await io::this_scope());
    front.spawn(run_front());
    for (std::size_t i = 0; i < kTotal; ++i) readers.spawn(send(static_cast<ShareNumber>(i), &senders[i]));
    pipeline_->open();
    co_await io::sleep_for(seconds(1));
    front.cancel();
    co_await front.join();
    EXPECT_EQ(loop_.now(), io::Time{} + seconds(1)) << "at once";
    co_await readers.join();
  };
  run(cancelled());
  EXPECT_EQ(outcome_->error().code, Errc::cancelled);
  for (const Sender& sender : senders) EXPECT_EQ(sender.error->code, Errc::cancelled);
}

TEST_F(SegmentPipelineTest, does_not_care_for_a_reader_that_is_cancelled) {
  std::vector<Sender> senders(kTotal);
  for (Sender& sender : senders) sender.pace = milliseconds(100);
  auto one_cancelled = [&]() -> io::Task<void> {
    io::TaskGroup others(co_await io::this_scope());
    io::TaskGroup one(co_await io::this_scope());
    others.spawn(run_front());
    for (std::size_t i = 0; i < kTotal - 1; ++i) others.spawn(send(static_cast<ShareNumber>(i), &senders[i]));
    senders[kTotal - 1].first = kSegments - 1;
    one.spawn(send(kTotal - 1, &senders[kTotal - 1]));
    pipeline_->open();
    co_await io::sleep_for(seconds(1));
    one.cancel();
    co_await one.join();
    co_await others.join();
  };
  run(one_cancelled());
  EXPECT_EQ(senders.back().error->code, Errc::cancelled);
  senders.pop_back();
  expect_right_bytes(senders);
}

}  // namespace
}  // namespace holdfast::transfer
