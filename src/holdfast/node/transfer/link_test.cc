#include "holdfast/node/transfer/link.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "holdfast/edge/io/simulated_loop.h"
#include "holdfast/edge/io/task_group.h"
#include "support/seeded_random.h"

namespace holdfast::transfer {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr io::Duration kFirst = milliseconds(200);
constexpr io::Duration kMax = seconds(30);

/// As far as the back-off goes before jitter.
io::Duration whole(unsigned failures) {
  io::Duration out = kFirst;
  for (unsigned i = 1; i < failures && out < kMax; ++i) out *= 2;
  return std::min(out, kMax);
}

/// How one pause ended, and when.
struct Ended {
  Result<void> how;
  io::Time when;
};

io::Task<void> pause(Link* link, unsigned failures, std::optional<Ended>* out) {
  io::CancelScope& scope = co_await io::this_scope();
  Result<void> how = co_await link->pause(failures);
  out->emplace(Ended{std::move(how), scope.loop().now()});
}

class LinkTest : public testing::Test {
 protected:
  /// How long one pause lasts when nothing happens.
  io::Duration length_of(Link& link, unsigned failures) {
    const io::Time start = loop_.now();
    std::optional<Ended> ended;
    io::CancelScope scope(loop_);
    EXPECT_TRUE(loop_.run(pause(&link, failures, &ended), scope));
    EXPECT_TRUE(ended && ended->how);
    return loop_.now() - start;
  }

  io::SimulatedLoop loop_;
  test::SeededRandom random_{1};
};

/// Always the same byte.
class ConstantRandom final : public Random {
 public:
  explicit ConstantRandom(std::uint8_t byte) : byte_(byte) {}
  void fill(MutableByteView out) override { std::ranges::fill(out, byte_); }

 private:
  std::uint8_t byte_;
};

TEST_F(LinkTest, doubles_its_back_off_up_to_its_cap) {
  ConstantRandom lowest(0);
  Link link(loop_, lowest, Patience{});
  for (unsigned failures = 1; failures <= 40; ++failures)
    EXPECT_EQ(length_of(link, failures), whole(failures) / 2) << failures;
  EXPECT_EQ(length_of(link, 1), milliseconds(100));
  EXPECT_EQ(length_of(link, 2), milliseconds(200));
  EXPECT_EQ(length_of(link, 8), milliseconds(12'800));
  EXPECT_EQ(length_of(link, 9), seconds(15));
  EXPECT_EQ(length_of(link, 4'000'000'000), seconds(15));
}

TEST_F(LinkTest, keeps_its_jitter_between_half_and_the_whole) {
  Link link(loop_, random_, Patience{});
  for (unsigned failures : {1u, 3u, 9u, 100u}) {
    io::Duration shortest = io::Duration::max(), longest{0};
    for (int round = 0; round < 1'000; ++round) {
      const io::Duration length = length_of(link, failures);
      shortest = std::min(shortest, length);
      longest = std::max(longest, length);
    }
    const io::Duration full = whole(failures);
    EXPECT_GE(shortest, full / 2);
    EXPECT_LE(longest, full);
    EXPECT_LT(shortest, full * 51 / 100) << "it uses all of its room";
    EXPECT_GT(longest, full * 99 / 100);
  }
}

io::Task<void> hear_after(Link* link, io::Duration silence) {
  co_await io::sleep_for(silence);
  link->heard();
}

io::Task<void> many_wait_and_one_hears(Link* link, io::Duration silence, std::vector<std::optional<Ended>>* ended) {
  io::TaskGroup group(co_await io::this_scope());
  for (std::optional<Ended>& each : *ended) group.spawn(pause(link, 12, &each));
  group.spawn(hear_after(link, silence));
  co_await group.join();
}

TEST_F(LinkTest, lets_all_go_on_at_once_when_the_first_answer_comes_after_a_silence) {
  Link link(loop_, random_, Patience{});
  std::vector<std::optional<Ended>> ended(50);
  io::CancelScope scope(loop_);
  ASSERT_TRUE(loop_.run(many_wait_and_one_hears(&link, seconds(3), &ended), scope));
  for (const auto& each : ended) {
    ASSERT_TRUE(each && each->how);
    EXPECT_EQ(each->when, io::Time{} + seconds(3));
  }
}

io::Task<void> wait_among_answers(Link* link, std::optional<Ended>* ended) {
  io::TaskGroup group(co_await io::this_scope());
  group.spawn(pause(link, 12, ended));
  while (!*ended) {
    co_await io::sleep_for(milliseconds(500));
    link->heard();
    EXPECT_FALSE(link->down());
  }
  co_await group.join();
}

TEST_F(LinkTest, lets_one_sleep_while_the_others_are_answered) {
  Link link(loop_, random_, Patience{});
  std::optional<Ended> ended;
  io::CancelScope scope(loop_);
  ASSERT_TRUE(loop_.run(wait_among_answers(&link, &ended), scope));
  ASSERT_TRUE(ended->how);
  EXPECT_GE(ended->when, io::Time{} + seconds(15)) << "it is that server, not the link";
}

io::Task<void> watch_time_up(Link* link) {
  const io::Duration before = link->time_up();
  for (int i = 0; i < 20; ++i) {
    co_await io::sleep_for(milliseconds(500));
    link->answered();
  }
  EXPECT_EQ(link->time_up() - before, seconds(10)) << "somebody was heard all the while";
  co_await io::sleep_for(seconds(3'600));
  EXPECT_EQ(link->time_up() - before, seconds(10)) << "nobody was";
  link->heard();
  EXPECT_EQ(link->time_up() - before, seconds(12))
      << "an hour without an answer is not an hour of one server's silence";
}

TEST_F(LinkTest, counts_the_time_in_which_somebody_is_heard) {
  Link link(loop_, random_, Patience{});
  io::CancelScope scope(loop_);
  ASSERT_TRUE(loop_.run(watch_time_up(&link), scope));
}

io::Task<void> watch_down(Link* link) {
  io::TaskGroup group(co_await io::this_scope());
  std::optional<Ended> ended;
  co_await io::sleep_for(seconds(5));
  EXPECT_FALSE(link->down()) << "nobody is trying";
  group.spawn(pause(link, 12, &ended));
  EXPECT_TRUE(link->down());
  link->heard();
  EXPECT_FALSE(link->down());
  co_await group.join();
  EXPECT_EQ(ended->when, io::Time{} + seconds(5));
  EXPECT_EQ(link->last_heard(), io::Time{} + seconds(5));
  group.spawn(pause(link, 12, &ended));
  EXPECT_FALSE(link->down()) << "it was heard of just now";
  co_await io::sleep_for(milliseconds(1'001));
  EXPECT_TRUE(link->down());
  group.cancel();
  co_await group.join();
  EXPECT_EQ(ended->how.error().code, Errc::cancelled);
  EXPECT_EQ(ended->when, io::Time{} + milliseconds(6'001)) << "at once";
  EXPECT_FALSE(link->down()) << "nobody is trying any more";
}

TEST_F(LinkTest, is_down_when_somebody_tries_and_nobody_answers) {
  Link link(loop_, random_, Patience{});
  io::CancelScope scope(loop_);
  ASSERT_TRUE(loop_.run(watch_down(&link), scope));
}

/// As those do who use it: asks in vain, which may be answered all the same, and pauses.
io::Task<void> try_in_vain(Link* link, bool answered, std::optional<Ended>* out) {
  for (unsigned failures = 1; !*out || (*out)->how; ++failures) {
    if (answered) link->answered();
    co_await pause(link, failures, out);
  }
}

TEST_F(LinkTest, speaks_of_the_timeout_only_where_there_is_one) {
  for (const auto& [seconds_allowed, named] : {std::pair{0, false}, {60, true}}) {
    Patience patience;
    patience.give_up_after = seconds(seconds_allowed);
    Link link(loop_, random_, patience);
    std::optional<Ended> ended;
    io::CancelScope scope(loop_);
    ASSERT_TRUE(loop_.run(try_in_vain(&link, false, &ended), scope));
    EXPECT_EQ(ended->how.error().what.find("--timeout") != std::string::npos, named) << ended->how.error().what;
  }
}

TEST_F(LinkTest, gives_up_on_those_who_are_silent_or_answer_and_take_nothing_for_as_long_as_it_may_stand_still) {
  for (const bool answered : {false, true}) {
    SCOPED_TRACE(answered ? "answered" : "silent");
    Patience patience;
    patience.give_up_after = seconds(60);
    Link link(loop_, random_, patience);
    const io::Time begin = loop_.now();
    std::optional<Ended> ended;
    io::CancelScope scope(loop_);
    ASSERT_TRUE(loop_.run(try_in_vain(&link, answered, &ended), scope));
    EXPECT_EQ(ended->how.error().code, Errc::timeout);
    EXPECT_GT(ended->when, begin + seconds(60));
    EXPECT_LE(ended->when, begin + seconds(60) + kMax);
    link.heard();
    EXPECT_GT(length_of(link, 1), milliseconds(0)) << "what moves gives new patience";
  }
}

TEST_F(LinkTest, tries_for_ever_without_a_limit) {
  ConstantRandom highest(0xff);
  Link link(loop_, highest, Patience{});
  for (int round = 0; round < 10'000; ++round) length_of(link, 50);
  EXPECT_GT(loop_.now(), io::Time{} + std::chrono::hours(24));
}

}  // namespace
}  // namespace holdfast::transfer
