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
  grid.during([this](const transfer::Context& context) -> io::Task<void> {
    const io::Time begin = grid.loop.now();
    const auto report = co_await transfer::check(context, cap, options, progress);
    EXPECT_TRUE(report.has_value());
    if (!report) co_return;
    EXPECT_EQ(count(report->shares, State::good), 9u);
    EXPECT_EQ(count(report->shares, State::unknown), 1u);
    EXPECT_LE(grid.loop.now() - begin, seconds(20));
  });
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

}  // namespace
}  // namespace holdfast::test
