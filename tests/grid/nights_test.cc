// U9: transfers that may run at one time of the day only, and take more than one day for it.
#include <gtest/gtest.h>

#include "grid/memory_grid.h"
#include "holdfast/core/immutable/share_test_kit.h"
#include "holdfast/node/transfer/daily_window.h"
#include "support/local_time.h"

namespace holdfast::test {
namespace {

namespace kit = immutable::test_kit;
const std::string kSource = "/home/source", kTarget = "/home/target";

/// A grid at 08:00, ten seconds before the window opens, which it does for a minute each day.
class Nights : public testing::Test {
 protected:
  Nights() {
    for (const auto& server : grid_.servers) {
      server->asked = [this](const StorageIndex&) { look(); };
      server->pace = [this](Range) {
        look();
        return byte_takes_;
      };
    }
  }
  void look() { EXPECT_TRUE(transfer::is_open(window_, grid_.loop.wall_seconds())) << "asked outside of the window"; }
  std::int64_t days() const { return (grid_.loop.wall_seconds() - begun_) / 86'400; }

  /// At the beginning of each run, from 1.
  std::function<void(unsigned)> at_night_ = [](unsigned) {};
  unsigned nights_ = 0;

  Result<transfer::UploadReport> put(transfer::UploadOptions options, unsigned& told) {
    options.on_proven = [&told](const std::string&) { ++told; };
    Result<transfer::UploadReport> out = fail(Errc::io, "it did not end");
    grid_.during([&](const transfer::Context& context) -> io::Task<void> {
      std::function work = [&](const transfer::WindowGuard&) {
        at_night_(++nights_);
        return transfer::upload_file(context, kSource, options, progress_);
      };
      out = co_await transfer::while_open(window_, std::move(work), progress_);
    });
    return out;
  }
  Result<transfer::DownloadReport> get(const cap::Cap& cap) {
    Result<transfer::DownloadReport> out = fail(Errc::io, "it did not end");
    grid_.during([&](const transfer::Context& context) -> io::Task<void> {
      std::function work = [&](const transfer::WindowGuard&) {
        at_night_(++nights_);
        return transfer::download_file(context, cap, kTarget, {}, progress_);
      };
      out = co_await transfer::while_open(window_, std::move(work), progress_);
    });
    return out;
  }

  const LocalTime utc_{"UTC0"};
  const transfer::DailyWindow window_ = transfer::parse_daily_window("08:00:10-08:01:10").value();
  MemoryGrid grid_{3};
  const std::int64_t begun_ = grid_.loop.wall_seconds();
  io::Duration byte_takes_{0};
  transfer::Progress progress_;
};

TEST_F(Nights, u9_an_upload_that_is_not_done_goes_on_the_next_night) {
  grid_.put_file(kSource, kit::plaintext_of(3'000'000));
  at_night_ = [this](unsigned night) { grid_.servers[2]->swallows = night < 3; };
  transfer::UploadOptions options;
  options.k = 1;
  options.happy = options.n = 3;
  unsigned told = 0;
  const auto report = put(options, told);
  ASSERT_TRUE(report.has_value()) << report.error().what;
  EXPECT_EQ(nights_, 3u);
  EXPECT_EQ(days(), 2);
  EXPECT_EQ(told, 1u);
  EXPECT_EQ(report->shares_placed, 3u);
  EXPECT_LT(report->bytes_sent, 1.1 * 3'000'000) << "what the others have was sent again";
  for (const auto& server : grid_.servers) EXPECT_EQ(server->allocated.size(), 1u) << "another key";
}

TEST_F(Nights, u9_a_download_that_is_not_done_goes_on_the_next_night_into_a_file_that_may_only_be_read) {
  const Bytes content = kit::plaintext_of(3'000'000);
  const auto params = immutable::make_params(1, 3, content.size(), 30'000).value();
  kit::EncodedFile file(content, params, cap::Key::from(Bytes(16, 9)));
  for (ShareNumber share = 0; share < 3; ++share) grid_.servers[share]->shares[share] = file.share(share);
  byte_takes_ = std::chrono::microseconds(100);  // 300 s for one server
  grid_.put_file(kTarget, to_bytes("what was there before"));
  ASSERT_TRUE(grid_.files.open(kTarget, io::Open::write).value()->set_permissions(0444).has_value());
  at_night_ = [this](unsigned night) {
    if (night == 1) return;
    const auto part = grid_.files.info(kTarget + ".part");
    ASSERT_TRUE(part.has_value());
    EXPECT_EQ(part->permissions, 0600u);
    EXPECT_EQ(grid_.files.info(kTarget)->permissions, 0444u);
  };
  const auto report = get(cap::Cap(file.cap()));
  ASSERT_TRUE(report.has_value()) << report.error().what;
  EXPECT_GE(nights_, 2u);
  EXPECT_EQ(days(), nights_ - 1);
  EXPECT_GT(report->bytes_skipped, 500'000u);
  EXPECT_EQ(io::read_file(grid_.files, kTarget, 4'000'000).value(), content);
  EXPECT_EQ(grid_.files.info(kTarget)->permissions, 0444u);
}

}  // namespace
}  // namespace holdfast::test
