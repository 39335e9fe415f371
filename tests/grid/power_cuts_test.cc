// The client's power fails at each operation of its disk in turn, and the disk keeps every set of sectors and names that it
// may keep: a put goes on, a get leaves the old file or the whole new one.
#include <gtest/gtest.h>

#include <bit>

#include "grid/memory_grid.h"
#include "holdfast/core/immutable/share_test_kit.h"
#include "holdfast/node/transfer/put_journal.h"
#include "support/every_choice.h"

namespace holdfast::test {
namespace {

namespace kit = immutable::test_kit;
const std::string kSource = "/home/source", kTarget = "/home/target";

/// Counts what was tried, for whoever reads.
struct Tally {
  std::uint64_t cuts = 0, outcomes = 0, sampled_cuts = 0;
  void add(const EveryChoice& choices) {
    ++cuts;
    outcomes += choices.rounds();
    if (!choices.exhausted()) ++sampled_cuts;
  }
  ~Tally() {
    std::printf("  %llu cuts, %llu outcomes; of %llu cuts not all outcomes\n", static_cast<unsigned long long>(cuts),
                static_cast<unsigned long long>(outcomes), static_cast<unsigned long long>(sampled_cuts));
  }
};

/// Runs a life with the power cut at each operation that it makes, and with every outcome of that cut. A life answers how
/// many operations there were, with the last number when nothing was cut.
template <class Life>
void for_every_cut(const Life& life) {
  Tally tally;
  for (std::uint64_t cut = 0;; ++cut) {
    EveryChoice choices(4'096);
    bool reached = false;
    do {
      reached = life(choices, cut);
      if (testing::Test::HasFailure())
        return static_cast<void>(ADD_FAILURE() << "cut at operation " << cut << ", outcome " << choices.rounds());
    } while (choices.next());
    tally.add(choices);
    if (!reached) return;
  }
}

// Another put of the same path, which began anew when the file was replaced: nobody else has its key.
TEST(PutJournals, OfOthersAreNotRemovedByAPutThatEnds) {
  for (const bool ours : {true, false}) {
    MemoryGrid grid(2);
    grid.put_file(kSource, kit::plaintext_of(400));
    transfer::UploadOptions options;
    options.k = 1;
    options.n = options.happy = 2;
    options.key_mode = transfer::KeyMode::random;
    std::string path;
    options.on_proven = [&](const std::string&) {
      const auto entries = grid.files.list("/node/transfers").value();
      ASSERT_EQ(entries.size(), 1u);
      path = "/node/transfers/" + entries[0].name;
      transfer::PutJournal journal =
          transfer::decode_put_journal(io::read_file(grid.files, path, 1'000'000).value()).value();
      if (!ours) journal.storage_index = StorageIndex::from(Bytes(16, 9));
      ASSERT_TRUE(io::write_file_atomically(grid.files, path, transfer::encode(journal)).has_value());
    };
    ASSERT_TRUE(grid.upload(kSource, options).has_value());
    EXPECT_EQ(grid.files.info(path).has_value(), !ours);
  }
}

class PutCut : public testing::TestWithParam<transfer::KeyMode> {};
INSTANTIATE_TEST_SUITE_P(KeyMode, PutCut, testing::Values(transfer::KeyMode::convergent, transfer::KeyMode::random));

TEST_P(PutCut, f21_goes_on_with_the_same_key_wherever_the_power_of_the_client_was_cut) {
  constexpr unsigned kServers = 2;
  const bool random_key = GetParam() == transfer::KeyMode::random;
  // Below a mebibyte only a key made by chance is worth a journal.
  const Bytes plaintext = kit::plaintext_of(random_key ? 400 : 1'048'577);
  for_every_cut([&](EveryChoice& choices, std::uint64_t cut) {
    MemoryGrid grid(kServers, choices);
    grid.put_file(kSource, plaintext);
    std::string proven;
    transfer::UploadOptions options;
    options.k = options.n = options.happy = kServers;
    options.key_mode = GetParam();
    options.on_proven = [&](const std::string& cap) { proven = cap; };
    grid.files.power_off_from(grid.files.operations() + cut);
    const std::uint64_t end = grid.files.operations() + cut;
    Result<transfer::UploadReport> report = grid.upload(kSource, options);
    const bool reached = grid.files.operations() > end;
    const bool was_told = report.has_value();
    if (was_told) proven = report->cap;
    const std::string told = proven;
    grid.files.power_cut();
    if (!was_told) {
      report = grid.upload(kSource, options);
      EXPECT_TRUE(report.has_value()) << report.error().what;
      if (!report) return reached;
    }
    for (const auto& server : grid.servers)
      EXPECT_EQ(server->allocated.size(), 1u) << "what was sent is of no more use";
    EXPECT_TRUE(told.empty() || report->cap == told);
    const Result<Bytes> got = grid.download(cap::parse_cap(report->cap));
    EXPECT_TRUE(got && *got == plaintext);
    return reached;
  });
}

TEST(Put, f26_goes_on_with_the_same_key_after_a_jump_of_ten_years_either_way) {
  constexpr std::int64_t decade = 3'652LL * 86'400;
  for (const std::int64_t jump : {decade, -decade}) {
    MemoryGrid grid(2);
    grid.files.set_clock([&grid] { return grid.loop.wall_seconds() * 1'000'000'000; });
    const Bytes plaintext = kit::plaintext_of(400);
    grid.put_file(kSource, plaintext);
    transfer::UploadOptions options;
    options.k = 1;
    options.n = options.happy = 2;
    options.key_mode = transfer::KeyMode::random;
    grid.servers[1]->tamper = [](Answer& answer) {
      if (answer.kind == Kind::allocate) answer.body = encode(protocol::AllocateReply{});
    };
    EXPECT_FALSE(grid.upload(kSource, options).has_value());
    grid.loop.jump_wall_clock(jump);
    grid.servers[1]->tamper = nullptr;
    const auto report = grid.upload(kSource, options);
    ASSERT_TRUE(report.has_value()) << report.error().what;
    for (const auto& server : grid.servers) EXPECT_EQ(server->allocated.size(), 1u) << "another key, all is sent again";
    EXPECT_EQ(grid.download(cap::parse_cap(report->cap)).value(), plaintext);
  }
}

TEST(Get, f21_leaves_the_old_file_or_the_whole_new_one_wherever_the_power_is_cut) {
  const Bytes plaintext = kit::plaintext_of(1'300), old = to_bytes("what was there before");
  const immutable::Params params = immutable::make_params(1, 2, plaintext.size(), 650).value();
  kit::EncodedFile file(plaintext, params, cap::Key::from(Bytes(16, 3)));
  const std::vector<Bytes> shares{file.share(0), file.share(1)};
  for_every_cut([&](EveryChoice& choices, std::uint64_t cut) {
    MemoryGrid grid(2, choices);
    for (ShareNumber share = 0; share < 2; ++share) grid.servers[share]->shares[share] = shares[share];
    grid.put_file(kTarget, old);
    const std::uint64_t end = grid.files.operations() + cut;
    grid.files.power_off_from(end);
    const bool told = grid.download_to(kTarget, file.cap()).has_value();
    const bool reached = grid.files.operations() > end;
    grid.files.power_cut();
    Result<Bytes> there = io::read_file(grid.files, kTarget, 10'000);
    EXPECT_TRUE(there && (*there == plaintext || (!told && *there == old)));
    const auto again = grid.download_to(kTarget, file.cap());
    EXPECT_TRUE(again.has_value()) << again.error().what;
    there = io::read_file(grid.files, kTarget, 10'000);
    EXPECT_TRUE(there && *there == plaintext);
    return reached;
  });
}

// The system tells an error of the disk once. Later syncs succeed, and what was lost can still be read, from memory.
TEST(Get, f23_is_not_deceived_by_a_sync_that_failed_before) {
  const Bytes plaintext = kit::plaintext_of(1'300);
  const immutable::Params params = immutable::make_params(1, 1, plaintext.size(), 650).value();
  kit::EncodedFile file(plaintext, params, cap::Key::from(Bytes(16, 3)));
  unsigned failures = 0;
  for (bool reached = true; reached; ++failures) {
    EveryChoice choices(4'096);
    do {
      MemoryGrid grid(1, choices);
      grid.servers[0]->shares[0] = file.share(0);
      grid.put_file(kTarget, to_bytes("what was there before"));
      ASSERT_TRUE(grid.files.open(kTarget, io::Open::write).value()->set_permissions(0440).has_value());
      const std::uint64_t end = failures + grid.files.operations();
      grid.files.fail_operation(end, Errc::io);
      const bool told = grid.download_to(kTarget, file.cap()).has_value();
      reached = grid.files.operations() > end;
      if (!told) {
        const auto part = grid.files.info(kTarget + ".part");
        if (part) {
          ASSERT_EQ(part->permissions, 0600u) << "only its owner reads it, and can go on with it";
        }
        const auto again = grid.download_to(kTarget, file.cap());
        ASSERT_TRUE(again.has_value()) << again.error().what;
      }
      grid.files.power_cut();
      const Result<Bytes> there = io::read_file(grid.files, kTarget, 10'000);
      ASSERT_TRUE(there && *there == plaintext) << "failed operation " << failures << ", outcome " << choices.rounds();
    } while (choices.next());
  }
  EXPECT_GT(failures, 10u) << "too little was tried";
}

// What a part file says is looked at, sector by sector; of what was synced nothing is fetched again.
TEST(Get, f21_fetches_again_only_what_the_disk_has_lost) {
  const Bytes plaintext = kit::plaintext_of(4'096);
  const immutable::Params params = immutable::make_params(1, 1, plaintext.size(), 512).value();
  kit::EncodedFile file(plaintext, params, cap::Key::from(Bytes(16, 3)));
  for (unsigned lost = 0; lost < 256; ++lost) {
    MemoryGrid grid(1);
    grid.servers[0]->shares[0] = file.share(0);
    Bytes part = plaintext;
    for (std::size_t sector = 0; sector < 8; ++sector) {
      const auto begin = part.begin() + static_cast<std::ptrdiff_t>(sector * 512);
      if ((lost >> sector & 1) != 0) std::fill(begin, begin + 512, std::uint8_t{0});
    }
    grid.put_file(kTarget + ".part", part);
    const auto report = grid.download_to(kTarget, file.cap());
    ASSERT_TRUE(report.has_value());
    EXPECT_EQ(report->bytes_skipped, (8 - static_cast<unsigned>(std::popcount(lost))) * 512);
    EXPECT_EQ(io::read_file(grid.files, kTarget, 10'000).value(), plaintext);
  }
}

}  // namespace
}  // namespace holdfast::test
