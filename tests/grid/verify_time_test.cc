// One server whose bytes drip holds up nobody's verdict but its own; a line that is slow for all is nobody's fault.
#include <gtest/gtest.h>

#include "grid/memory_grid.h"
#include "holdfast/core/immutable/share_test_kit.h"
#include "holdfast/node/transfer/repairer.h"

namespace holdfast::test {
namespace {

namespace kit = immutable::test_kit;
using State = transfer::ShareVerdict::State;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint64_t kSize = 5'900;

class VerifyTime : public testing::Test {
 protected:
  VerifyTime() {
    for (unsigned i = 0; i < 10; ++i)
      grid.servers[i]->shares[static_cast<ShareNumber>(i)] = file_.share(static_cast<ShareNumber>(i));
    options.verify = true;
  }
  unsigned count(const std::vector<transfer::ShareVerdict>& shares, State state) const {
    return static_cast<unsigned>(
        std::ranges::count_if(shares, [&](const transfer::ShareVerdict& each) { return each.state == state; }));
  }

  void expect_all_good_but_one_unknown(const cap::ChkVerifyCap& of, seconds within) {
    grid.during([&of, within, this](const transfer::Context& context) -> io::Task<void> {
      const io::Time begin = grid.loop.now();
      const auto report = co_await transfer::check(context, of, options, progress);
      EXPECT_TRUE(report.has_value());
      if (!report) co_return;
      EXPECT_EQ(count(report->shares, State::good), 9u);
      EXPECT_EQ(count(report->shares, State::unknown), 1u);
      EXPECT_LE(grid.loop.now() - begin, within);
    });
  }

  /// Shares of 100 KB.
  cap::ChkVerifyCap store_a_larger_file() {
    const std::uint64_t size = 300'000;
    kit::EncodedFile file(kit::plaintext_of(size), immutable::make_params(3, 10, size, 100'000).value(),
                          cap::Key::from(Bytes(16, 9)));
    for (ShareNumber i = 0; i < 10; ++i) grid.servers[i]->shares[i] = file.share(i);
    return cap::weaken(file.cap());
  }

  MemoryGrid grid{10};
  transfer::CheckOptions options;
  transfer::Progress progress;

 private:
  kit::EncodedFile file_{kit::plaintext_of(kSize), immutable::make_params(3, 10, kSize, 600).value(),
                         cap::Key::from(Bytes(16, 9))};

 protected:
  const cap::ChkVerifyCap cap = cap::weaken(file_.cap());
};

TEST_F(VerifyTime, OneThatDripsIsUnknownAndTheOthersAreJudged) {
  grid.servers[4]->a_byte_takes = seconds(10);
  expect_all_good_but_one_unknown(cap, seconds(20));
}

TEST_F(VerifyTime, ARepairComesToItsEndAllTheSame) {
  grid.servers[4]->a_byte_takes = seconds(10);
  grid.servers[5]->shares.clear();
  grid.during([this](const transfer::Context& context) -> io::Task<void> {
    const io::Time begin = grid.loop.now();
    const auto report = co_await transfer::repair(context, cap, options, progress);
    EXPECT_TRUE(report.has_value()) << report.error().what;
    if (!report) co_return;
    EXPECT_GE(report->after.shares_good, 9u);
    EXPECT_LE(grid.loop.now() - begin, std::chrono::minutes(10));
  });
}

TEST_F(VerifyTime, OneThatIsCutBeforeItsBytesAddUpToMuchIsUnknownToo) {
  grid.servers[4]->cut_after = 100;
  expect_all_good_but_one_unknown(cap, seconds(20));
}

// Each cut is gone on from, so that all of it would come in the end: in 200 s, where 100 KB are given some 40.
TEST_F(VerifyTime, OneThatDripsAndIsCutAgainAndAgainIsUnknownAsWell) {
  const cap::ChkVerifyCap larger = store_a_larger_file();
  grid.servers[4]->a_byte_takes = milliseconds(2);
  grid.servers[4]->cut_after = 17'000;
  expect_all_good_but_one_unknown(larger, seconds(80));
}

TEST_F(VerifyTime, CutsAloneSpeakAgainstNoCopy) {
  const cap::ChkVerifyCap larger = store_a_larger_file();
  for (const auto& server : grid.servers) server->cut_after = 6'000;
  grid.during([&, this](const transfer::Context& context) -> io::Task<void> {
    const auto report = co_await transfer::check(context, larger, options, progress);
    EXPECT_TRUE(report.has_value());
    if (!report) co_return;
    EXPECT_EQ(count(report->shares, State::good), 10u);
  });
}

// Connections stay open and say nothing: longer than four questions of 15 s each.
TEST_F(VerifyTime, f6_NothingIsSaidAgainstACopyWhileNobodyIsHeard) {
  for (const auto& server : grid.servers) {
    server->asked = [&server, this](const StorageIndex&) {
      server->still_from = grid.loop.now() + milliseconds(1);
      server->still_until = server->still_from + seconds(100);
    };
  }
  grid.during([this](const transfer::Context& context) -> io::Task<void> {
    const io::Time begin = grid.loop.now();
    const auto report = co_await transfer::check(context, cap, options, progress);
    EXPECT_TRUE(report.has_value());
    if (!report) co_return;
    EXPECT_EQ(count(report->shares, State::good), 10u);
    EXPECT_GT(grid.loop.now() - begin, seconds(100)) << "else nothing is shown here";
  });
}

TEST_F(VerifyTime, f6_ALinkThatIsGoneForLongerThanPatienceIsAnErrorAndNoVerdict) {
  options.patience.give_up_after = seconds(20);
  for (const auto& server : grid.servers) {
    server->asked = [&server, this](const StorageIndex&) { server->still_from = grid.loop.now() + milliseconds(1); };
  }
  grid.during([this](const transfer::Context& context) -> io::Task<void> {
    const auto report = co_await transfer::check(context, cap, options, progress);
    EXPECT_FALSE(report.has_value());
    if (report) co_return;
    EXPECT_EQ(report.error().code, Errc::timeout) << report.error().what;
  });
  EXPECT_LT(grid.loop.now(), io::Time{} + seconds(120));
}

TEST_F(VerifyTime, ALineThatIsSlowForAllIsNobodysFault) {
  for (const auto& server : grid.servers) server->a_byte_takes = milliseconds(50);
  grid.during([this](const transfer::Context& context) -> io::Task<void> {
    const io::Time begin = grid.loop.now();
    const auto report = co_await transfer::check(context, cap, options, progress);
    EXPECT_TRUE(report.has_value());
    if (!report) co_return;
    EXPECT_EQ(count(report->shares, State::good), 10u);
    EXPECT_GT(grid.loop.now() - begin, seconds(60)) << "else nothing is shown here";
  });
}

TEST_F(VerifyTime, TheProgressMovesWithinThePieceThatIsRead) {
  const cap::ChkVerifyCap larger = store_a_larger_file();
  for (unsigned i = 1; i < 10; ++i) grid.servers[i]->shares.clear();  // one copy is enough to look at
  grid.servers[0]->a_byte_takes = std::chrono::microseconds(200);
  grid.during([&, this](const transfer::Context& context) -> io::Task<void> {
    std::uint64_t halfway = 0;
    const auto timer = grid.loop.at(grid.loop.now() + seconds(10), [&] { halfway = progress.done_bytes; });
    const auto report = co_await transfer::check(context, larger, options, progress);
    EXPECT_TRUE(report.has_value());
    if (!report) co_return;
    EXPECT_EQ(count(report->shares, State::good), 1u);
    EXPECT_GT(halfway, progress.done_bytes / 3);
    EXPECT_LT(halfway, progress.done_bytes * 2 / 3);
  });
}

}  // namespace
}  // namespace holdfast::test
