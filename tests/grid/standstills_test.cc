// F25: a share goes elsewhere when its server is silent, and stays when everything is.
#include <gtest/gtest.h>

#include "grid/memory_grid.h"
#include "holdfast/core/immutable/share_test_kit.h"
#include "holdfast/node/transfer/repairer.h"
#include "holdfast/node/transfer/uploader.h"

namespace holdfast::test {
namespace {

namespace kit = immutable::test_kit;
using std::chrono::milliseconds;
using std::chrono::seconds;

const std::string kPath = "/home/file";
constexpr std::uint64_t kFileBytes = 6'000'000;

class Standstills : public testing::Test {
 protected:
  Result<transfer::UploadReport> put(MemoryGrid& grid, unsigned happy = 10) {
    grid.put_file(kPath, kit::plaintext_of(kFileBytes));
    for (const auto& server : grid.servers) server->a_piece_takes = milliseconds(400);
    transfer::UploadOptions options;
    options.k = 3;
    options.happy = happy;
    options.n = 10;
    return grid.upload(kPath, options);
  }
  unsigned servers_that_were_allocated_on(const MemoryGrid& grid) {
    return static_cast<unsigned>(
        std::ranges::count_if(grid.servers, [](const auto& server) { return !server->allocated.empty(); }));
  }
};

TEST_F(Standstills, f25_nothing_is_sent_to_another_server_when_all_stood_still) {
  for (int lasts : {16, 31, 34, 47, 100}) {
    SCOPED_TRACE(lasts);
    MemoryGrid grid(10);
    for (const auto& server : grid.servers) {
      // Their connections are not found dead at the same time.
      server->still_from = io::Time{} + milliseconds(500 + 150 * server->number);
      server->still_until = io::Time{} + seconds(lasts);
    }
    const auto report = put(grid);
    ASSERT_TRUE(report.has_value()) << report.error().what;
    EXPECT_FALSE(grid.went_in_circles());
    EXPECT_EQ(report->happiness, 10u);
    EXPECT_GT(grid.loop.now(), io::Time{} + seconds(lasts)) << "it was in its middle";
    EXPECT_LT(report->bytes_sent, 1.2 * report->share_bytes_total) << "a piece each";
    for (const auto& server : grid.servers) EXPECT_EQ(server->shares.size() + server->uploads.size(), 1u);
  }
}

// The same file again, begun while nobody is reached: whoever answers last may hold the most of it.
TEST_F(Standstills, f25_an_upload_that_is_begun_in_an_outage_waits_for_those_whose_question_was_lost_in_it) {
  MemoryGrid grid(10);
  for (const auto& server : grid.servers) server->still_from = io::Time{} + seconds(2);
  grid.patience.give_up_after = seconds(20);
  const auto broken = put(grid, 7);
  ASSERT_FALSE(broken.has_value());
  EXPECT_LT(grid.loop.now(), io::Time{} + seconds(70))
      << "who has waited for all of them in vain asks none of them anew";
  std::uint64_t held = 0;
  for (const auto& server : grid.servers) {
    for (const auto& [share, upload] : server->uploads) held += upload.content.size() - upload.missing.total();
    // They are back one after the other, as connections are.
    server->still_until = grid.loop.now() + seconds(40) + milliseconds(400 * server->number);
  }
  EXPECT_GT(held, 5'000'000u);
  grid.patience.give_up_after.reset();
  const auto report = put(grid, 7);
  ASSERT_TRUE(report.has_value()) << report.error().what;
  EXPECT_EQ(report->happiness, 10u);
  EXPECT_LT(report->bytes_sent, 1.01 * report->share_bytes_total - held);
  for (const auto& server : grid.servers) EXPECT_EQ(server->shares.size() + server->uploads.size(), 1u);
}

// Six answer, and a happiness of seven is wished: it is the other four that are waited for, until nobody answers any more.
TEST_F(Standstills, f25_servers_that_are_away_are_not_called_the_link) {
  MemoryGrid grid(10);
  for (const auto& server : grid.servers) {
    server->still_from = io::Time{} + seconds(server->number < 4 ? 0 : 60);
    server->still_until = io::Time{} + seconds(120);
  }
  grid.put_file(kPath, kit::plaintext_of(kFileBytes));
  transfer::UploadOptions options;
  options.happy = 7;
  grid.during([&](const transfer::Context& context) -> io::Task<void> {
    transfer::Progress progress, at_fifty, at_hundred;
    bool blamed = false;
    std::unique_ptr<io::Loop::Timer> timer;
    std::function<void()> look = [&] {
      const io::Time now = grid.loop.now();
      blamed = blamed || (now > io::Time{} + seconds(1) && now < io::Time{} + seconds(59) && progress.waiting_for_link);
      if (now < io::Time{} + seconds(50)) at_fifty = progress;
      if (now < io::Time{} + seconds(100)) at_hundred = progress;
      timer = grid.loop.at(now + milliseconds(50), look);
    };
    look();
    const auto report = co_await transfer::upload_file(context, kPath, options, progress);
    timer.reset();
    EXPECT_TRUE(report.has_value());
    EXPECT_FALSE(blamed);
    EXPECT_NE(at_fifty.note.find("6 of 10 answer"), std::string::npos) << at_fifty.note;
    EXPECT_TRUE(at_hundred.waiting_for_link);
  });
}

TEST_F(Standstills, f25_a_share_goes_elsewhere_when_its_server_alone_is_silent_and_all_others_are_done) {
  for (int limit : {120, 20}) {
    SCOPED_TRACE(limit);
    MemoryGrid grid(11);
    grid.patience.give_up_after = seconds(limit);
    unsigned still = 0;
    for (const auto& server : grid.servers) {
      server->asked = [&grid, &still, number = server->number](const StorageIndex&) {
        if (still++ == 0) grid.servers[number]->still_from = io::Time{} + milliseconds(500);
      };
    }
    const auto report = put(grid);
    ASSERT_TRUE(report.has_value()) << report.error().what;
    EXPECT_FALSE(grid.went_in_circles());
    EXPECT_EQ(report->happiness, 10u);
    EXPECT_EQ(servers_that_were_allocated_on(grid), 11u);
    EXPECT_LT(grid.loop.now(), io::Time{} + seconds(60));
  }
}

/// Seven shares are proven; then nobody is heard for a minute, while three servers have a part of theirs.
class StandstillsWhenHappy : public Standstills {
 protected:
  Result<transfer::UploadReport> put_until_happy(const std::function<bool(unsigned server)>& stands_still) {
    grid.put_file(kPath, kit::plaintext_of(kFileBytes));
    for (const auto& server : grid.servers) server->a_piece_takes = milliseconds(server->number < 7 ? 100 : 2000);
    transfer::UploadOptions options;
    options.on_proven = [&](const std::string&) {
      proven_at = grid.loop.now();
      for (const auto& server : grid.servers) {
        if (!stands_still(server->number)) continue;
        server->still_from = proven_at;
        server->still_until = proven_at + seconds(60);
      }
    };
    return grid.upload(kPath, options);
  }
  MemoryGrid grid{10};
  io::Time proven_at{};
};

TEST_F(StandstillsWhenHappy, f13_the_rest_is_finished_when_the_link_is_back) {
  const auto report = put_until_happy([](unsigned) { return true; });
  ASSERT_TRUE(report.has_value()) << report.error().what;
  EXPECT_EQ(report->happiness, 10u);
  EXPECT_GT(grid.loop.now(), proven_at + seconds(60));
  EXPECT_LT(report->bytes_sent, 1.2 * report->share_bytes_total);
}

TEST_F(StandstillsWhenHappy, f13_the_rest_is_not_waited_for_when_it_alone_is_silent) {
  grid.patience.silence = std::chrono::minutes(10);  // else it goes elsewhere
  const auto report = put_until_happy([](unsigned server) { return server >= 7; });
  ASSERT_TRUE(report.has_value()) << report.error().what;
  EXPECT_EQ(report->shares_placed, 7u);
  EXPECT_LT(grid.loop.now(), proven_at + seconds(50));
}

TEST_F(StandstillsWhenHappy, f13_a_service_whose_client_waits_for_the_answer_waits_for_the_link_for_a_while_only) {
  grid.patience.outage = seconds(15);
  const auto report = put_until_happy([](unsigned) { return true; });
  ASSERT_TRUE(report.has_value()) << report.error().what;
  EXPECT_EQ(report->shares_placed, 7u);
  EXPECT_LT(grid.loop.now(), proven_at + seconds(40));
}

TEST_F(StandstillsWhenHappy, f13_what_was_promised_is_done_when_patience_with_the_link_is_over) {
  grid.patience.give_up_after = seconds(20);
  const auto report = put_until_happy([](unsigned) { return true; });
  ASSERT_TRUE(report.has_value()) << report.error().what;
  EXPECT_EQ(report->happiness, 7u);
  EXPECT_EQ(report->warnings.size(), 3u);
  EXPECT_LT(grid.loop.now(), proven_at + seconds(60));
}

/// A little now and then, which no limit on silence ends.
class Trickles : public Standstills {
 protected:
  static constexpr io::Duration kPiece = milliseconds(200), kTrickle = std::chrono::minutes(10);
  static Result<transfer::UploadReport> put_past(MemoryGrid& grid, const std::set<unsigned>& trickles, unsigned happy) {
    grid.put_file(kPath, kit::plaintext_of(kFileBytes));
    for (const auto& server : grid.servers)
      server->a_piece_takes = trickles.contains(server->number) ? kTrickle : kPiece;
    transfer::UploadOptions options;
    options.happy = happy;
    return grid.upload(kPath, options);
  }
};

TEST_F(Trickles, f13_hold_no_upload_that_is_happy) {
  for (const unsigned times : {3u, 100u}) {
    SCOPED_TRACE(times);
    MemoryGrid grid(10);
    grid.patience.slow_times = times;
    const auto report = put_past(grid, {1, 4, 8}, 7);
    ASSERT_TRUE(report.has_value()) << report.error().what;
    EXPECT_EQ(report->shares_placed, 7u);
    ASSERT_EQ(report->warnings.size(), 3u);
    EXPECT_NE(report->warnings[0].find("too slow"), std::string::npos) << report->warnings[0];
    EXPECT_LT(grid.loop.now(), io::Time{} + seconds(200 + 20 * times));
  }
}

// What was there before says nothing of how long the rest may take.
TEST_F(Trickles, f13_are_none_when_they_bring_the_last_share_slowly_to_a_grid_that_has_the_others) {
  for (const bool trickle : {false, true}) {
    MemoryGrid grid(10);
    grid.patience.outage = seconds(15);  // a client waits
    ASSERT_TRUE(put_past(grid, {}, 7).has_value());
    grid.servers[3]->shares.clear();
    grid.servers[3]->a_piece_takes = trickle ? std::chrono::hours(10) : seconds(20);
    const io::Time begun = grid.loop.now();
    transfer::UploadOptions options;
    options.happy = 7;
    const auto report = grid.upload(kPath, options);
    ASSERT_TRUE(report.has_value()) << report.error().what;
    EXPECT_EQ(report->shares_placed, trickle ? 9u : 10u);
    EXPECT_LT(grid.loop.now() - begun, std::chrono::hours(1));
  }
}

TEST_F(Trickles, f13_i8_lose_their_shares_to_servers_that_have_none) {
  MemoryGrid undisturbed(14);
  ASSERT_TRUE(put_past(undisturbed, {}, 10).has_value());
  std::set<unsigned> chosen;
  for (const auto& server : undisturbed.servers) {
    if (!server->shares.empty() && chosen.size() < 4) chosen.insert(server->number);
  }
  MemoryGrid grid(14);
  const auto report = put_past(grid, chosen, 10);
  ASSERT_TRUE(report.has_value()) << report.error().what;
  EXPECT_EQ(report->happiness, 10u);
  EXPECT_LT(grid.loop.now(), io::Time{} + seconds(300));
  EXPECT_LT(report->bytes_sent, 1.5 * report->share_bytes_total);
  for (const unsigned number : chosen) EXPECT_TRUE(grid.servers[number]->shares.empty()) << number;
}

// The last server is back when all its questions have been lost in the outage of all.
TEST_F(Standstills, u1_a_repair_that_is_begun_in_an_outage_makes_nothing_that_is_there) {
  MemoryGrid grid(10);
  const auto stored = put(grid);
  ASSERT_TRUE(stored.has_value()) << stored.error().what;
  const io::Time begun = grid.loop.now();
  for (const auto& server : grid.servers) {
    server->allocated.clear();
    server->still_from = begun;
    server->still_until = begun + seconds(server->number == 0 ? 63 : 50);
  }
  const auto cap = transfer::verifiable(cap::parse_cap(stored->cap));
  grid.during([&](const transfer::Context& context) -> io::Task<void> {
    transfer::CheckOptions options;
    transfer::Progress progress;
    const auto report = co_await transfer::repair(context, cap.value(), options, progress);
    EXPECT_TRUE(report.has_value() && report->successful);
    if (!report) co_return;
    EXPECT_EQ(report->before.responding.size(), 10u);
    EXPECT_FALSE(report->attempted);
  });
  EXPECT_EQ(servers_that_were_allocated_on(grid), 0u);
}

}  // namespace
}  // namespace holdfast::test
