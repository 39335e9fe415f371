// Servers that lie, alone and together: as many as may be without the file being lost, and one more.
#include <gtest/gtest.h>

#include <bit>

#include "grid/memory_grid.h"
#include "holdfast/core/immutable/share_test_kit.h"
#include "holdfast/core/protocol/http_fields.h"

namespace holdfast::test {
namespace {

namespace kit = immutable::test_kit;
using std::chrono::seconds;

constexpr unsigned kK = 2, kN = 5;
constexpr std::uint64_t kFileBytes = 2'000, kSegmentBytes = 600;
const std::string kPath = "/home/file";
const immutable::Params kParams = immutable::make_params(kK, kN, kFileBytes, kSegmentBytes).value();

cap::Key convergent(const Bytes& plaintext) {
  return kit::convergent_key(plaintext, kParams, Secret(Bytes(32, 7)));
}
Bytes other_plaintext() {
  return Bytes(kFileBytes, 'o');
}

class LiarsTest : public testing::Test {
 protected:
  using Lie = std::function<void(MemoryServer&)>;

  ShareNumber share_of(const MemoryServer& server) const { return static_cast<ShareNumber>(server.number); }

  /// Each leaves a server with a share of its number that must not be believed.
  std::vector<std::pair<std::string, Lie>> lies() {
    const auto holds = [this](kit::EncodedFile& file) {
      return [this, &file](MemoryServer& server) { server.shares[share_of(server)] = file.share(share_of(server)); };
    };
    const auto reads = [](auto change) {
      return [change](MemoryServer& server) {
        server.tamper = [change](Answer& answer) {
          if (answer.kind == Kind::read && !answer.body.empty()) change(answer);
        };
      };
    };
    const auto resized = [](Answer& answer, std::size_t size, bool admitted) {
      answer.body.resize(size, 0x5a);
      if (admitted) answer.field = protocol::format_content_range({answer.range.begin, answer.range.begin + size});
    };
    std::vector<std::pair<std::string, Lie>> out;
    out.emplace_back("shares of another file", holds(stranger_));
    out.emplace_back("shares of another file under the same key", holds(same_key_));
    out.emplace_back("the right blocks with the hashes and the extension of another file",
                     [this](MemoryServer& server) {
                       const ShareNumber share = share_of(server);
                       Bytes forged = same_key_.share(share);
                       const Bytes right = file_.share(share);
                       const Range data = file_.layout().data();
                       std::copy(right.begin() + static_cast<std::ptrdiff_t>(data.begin),
                                 right.begin() + static_cast<std::ptrdiff_t>(data.end),
                                 forged.begin() + static_cast<std::ptrdiff_t>(data.begin));
                       server.shares[share] = std::move(forged);
                     });
    out.emplace_back("wrong blocks with the right hashes", [this](MemoryServer& server) {
      Bytes& share = server.shares[share_of(server)];
      const Range data = file_.layout().data();
      std::fill(share.begin() + static_cast<std::ptrdiff_t>(data.begin),
                share.begin() + static_cast<std::ptrdiff_t>(data.end), std::uint8_t{1});
    });
    out.emplace_back("another share of the file", [this](MemoryServer& server) {
      server.shares[share_of(server)] = file_.share(static_cast<ShareNumber>((server.number + 1) % kN));
    });
    out.emplace_back("all shares there can be, made of noise", [](MemoryServer& server) {
      for (ShareNumber share = 0; share < kSharesMax; ++share) server.shares[share] = SeededRandom(share).bytes(1'500);
    });
    out.emplace_back("all shares there can be, and knows none", [](MemoryServer& server) {
      server.shares.clear();
      server.tamper = [](Answer& answer) {
        protocol::ShareSet all;
        for (ShareNumber share = 0; share < kSharesMax; ++share) all.insert(share);
        if (answer.kind == Kind::list) answer.body = protocol::encode_share_set(all);
      };
    });
    out.emplace_back("an empty share", [this](MemoryServer& server) { server.shares[share_of(server)].clear(); });
    out.emplace_back("half of what is asked for", reads([=](Answer& a) { resized(a, a.body.size() / 2, true); }));
    out.emplace_back("half of what it says", reads([=](Answer& a) { resized(a, a.body.size() / 2, false); }));
    out.emplace_back("more than is asked for", reads([=](Answer& a) { resized(a, a.range.size() + 700, true); }));
    out.emplace_back("more than it says", reads([=](Answer& a) { resized(a, a.range.size() + 700, false); }));
    out.emplace_back("bytes from elsewhere",
                     reads([](Answer& a) { a.field = "bytes 7-" + std::to_string(6 + a.body.size()) + "/*"; }));
    out.emplace_back("a byte in two seconds", [](MemoryServer& server) { server.a_byte_takes = seconds(2); });
    out.emplace_back("a byte in two seconds, and a wrong one", [](MemoryServer& server) {
      server.a_byte_takes = seconds(2);
      server.tamper = [](Answer& answer) {
        if (answer.kind == Kind::read && !answer.body.empty()) answer.body.back() ^= 1;
      };
    });
    return out;
  }

  void store_shares(MemoryGrid& grid) {
    for (ShareNumber share = 0; share < kN; ++share) grid.servers[share]->shares[share] = file_.share(share);
  }
  void expect_right(MemoryGrid& grid) {
    const io::Time begin = grid.loop.now();
    const Result<Bytes> got = grid.download(file_.cap());
    EXPECT_FALSE(grid.went_in_circles());
    ASSERT_TRUE(got.has_value()) << got.error().what;
    EXPECT_EQ(*got, plaintext_);
    EXPECT_LT(grid.loop.now() - begin, seconds(60)) << "who is slow is gone around";
  }

  const Bytes plaintext_ = kit::plaintext_of(kFileBytes);
  kit::EncodedFile file_{plaintext_, kParams, convergent(plaintext_)};
  kit::EncodedFile same_key_{other_plaintext(), kParams, convergent(plaintext_)};
  kit::EncodedFile stranger_{other_plaintext(), kParams, convergent(other_plaintext())};
};

TEST_F(LiarsTest, f29_all_but_k_servers_together_cannot_spoil_a_download) {
  for (const auto& [name, lie] : lies()) {
    for (unsigned liars = 0; liars < 1u << kN; ++liars) {
      if (std::popcount(liars) != kN - kK) continue;
      SCOPED_TRACE(name + ", servers " + std::to_string(liars));
      MemoryGrid grid(kN);
      store_shares(grid);
      for (unsigned i = 0; i < kN; ++i) {
        if ((liars >> i & 1) != 0) lie(*grid.servers[i]);
      }
      expect_right(grid);
      if (HasFailure()) return;
    }
  }
}

TEST_F(LiarsTest, f29_each_with_another_lie_cannot_spoil_a_download) {
  const auto all = lies();
  SeededRandom random(5);
  for (unsigned round = 0; round < 300; ++round) {
    MemoryGrid grid(kN, round);
    store_shares(grid);
    std::string who;
    std::set<std::uint64_t> liars;
    while (liars.size() < kN - kK) liars.insert(random.below(kN));
    for (std::uint64_t liar : liars) {
      const auto& [name, lie] = all[random.below(all.size())];
      who += std::to_string(liar) + ": " + name + "; ";
      lie(*grid.servers[liar]);
    }
    SCOPED_TRACE(who);
    expect_right(grid);
    if (HasFailure()) return;
  }
}

TEST_F(LiarsTest, f29_one_more_than_the_file_can_bear_costs_the_download_but_gives_no_wrong_byte) {
  for (const auto& [name, lie] : lies()) {
    if (name == "a byte in two seconds") continue;  // slow, but true
    SCOPED_TRACE(name);
    MemoryGrid grid(kN);
    store_shares(grid);
    for (unsigned i = 1; i < kN; ++i) lie(*grid.servers[i]);
    const Result<Bytes> got = grid.download(file_.cap());
    EXPECT_FALSE(grid.went_in_circles());
    ASSERT_FALSE(got.has_value());
    EXPECT_FALSE(got.error().what.empty());
    EXPECT_TRUE(got.error().code == Errc::not_enough_shares || got.error().code == Errc::timeout) << got.error().what;
  }
}

class Claims : public LiarsTest {
 protected:
  static constexpr unsigned kHappy = 3;

  /// Says of every share that it is there, whoever asks, and however.
  static void claim_all(MemoryServer& server) {
    server.tamper = [](Answer& answer) {
      protocol::ShareSet all;
      for (ShareNumber share = 0; share < kN; ++share) all.insert(share);
      protocol::AllocateReply reply;
      reply.already_have = all;
      protocol::UploadStatus status;
      status.complete = all;
      if (answer.kind == Kind::list) answer.body = protocol::encode_share_set(all);
      if (answer.kind == Kind::allocate) answer.body = encode(reply);
      if (answer.kind == Kind::status) answer.body = encode(status);
    };
  }
  Result<transfer::UploadReport> upload(MemoryGrid& grid) {
    grid.put_file(kPath, plaintext_);
    transfer::UploadOptions options;
    options.k = kK;
    options.happy = kHappy;
    options.n = kN;
    options.segment_bytes_max = kSegmentBytes;
    return grid.upload(kPath, options);
  }
  /// What the report counts is where it says; liars are not in it.
  void expect_proven(MemoryGrid& grid, const Result<transfer::UploadReport>& report, unsigned liars) {
    EXPECT_FALSE(grid.went_in_circles());
    ASSERT_TRUE(report.has_value()) << report.error().what;
    EXPECT_EQ(report->cap, cap::to_string(cap::Cap(file_.cap())));
    EXPECT_GE(report->happiness, kHappy);
    std::set<ShareNumber> placed;
    for (std::size_t i = 0; i < kN; ++i) {
      const bool lies = (liars >> i & 1) != 0;
      EXPECT_TRUE(!lies || report->servers[i].shares.empty()) << "a liar is counted";
      for (ShareNumber share : report->servers[i].shares) {
        EXPECT_EQ(grid.servers[i]->shares[share], file_.share(share));
        placed.insert(share);
      }
    }
    EXPECT_EQ(placed.size(), kN);
  }
};

TEST_F(Claims, f29_to_have_every_share_already_count_for_nothing) {
  for (unsigned liars = 0; liars < 1u << kN; ++liars) {
    if (std::popcount(liars) != kN - kHappy) continue;
    SCOPED_TRACE("servers " + std::to_string(liars));
    MemoryGrid grid(kN);
    for (unsigned i = 0; i < kN; ++i) {
      if ((liars >> i & 1) != 0) claim_all(*grid.servers[i]);
    }
    expect_proven(grid, upload(grid), liars);
    if (HasFailure()) return;
  }
}

TEST_F(Claims, f29_with_shares_that_look_right_at_the_end_count_for_nothing) {
  const std::vector<std::pair<std::string, std::function<Bytes(ShareNumber)>>> forgeries = {
      {"another file", [this](ShareNumber share) { return stranger_.share(share); }},
      {"another file under the same key", [this](ShareNumber share) { return same_key_.share(share); }},
      {"another share", [this](ShareNumber share) { return file_.share(static_cast<ShareNumber>((share + 1) % kN)); }},
      {"the right tail and trees over wrong blocks",
       [this](ShareNumber share) {
         Bytes bytes = file_.share(share);
         const Range data = file_.layout().data();
         for (std::uint64_t at = data.begin; at < data.end; ++at) bytes[at] ^= 1;
         return bytes;
       }},
      {"the right share but for the hashes of the ciphertext",
       [this](ShareNumber share) {
         Bytes bytes = file_.share(share);
         const Range hashes = file_.layout().crypttext_hashes();
         for (std::uint64_t at = hashes.begin; at < hashes.end; ++at) bytes[at] = 0;
         return bytes;
       }},
      {"the right share but for its header", [this](ShareNumber share) {
         Bytes bytes = file_.share(share);
         bytes[file_.layout().header().end - 1] ^= 1;
         return bytes;
       }}};
  for (const auto& [name, forge] : forgeries) {
    for (unsigned liars = 0; liars < 1u << kN; ++liars) {
      if (std::popcount(liars) != kN - kHappy) continue;
      SCOPED_TRACE(name + ", servers " + std::to_string(liars));
      MemoryGrid grid(kN);
      for (unsigned i = 0; i < kN; ++i) {
        if ((liars >> i & 1) == 0) continue;
        for (ShareNumber share = 0; share < kN; ++share) grid.servers[i]->shares[share] = forge(share);
      }
      expect_proven(grid, upload(grid), liars);
      if (HasFailure()) return;
    }
  }
}

TEST_F(Claims, f31_of_too_many_servers_end_the_upload_with_a_sentence) {
  for (unsigned liars = kN - kHappy + 1; liars <= kN; ++liars) {
    SCOPED_TRACE(std::to_string(liars) + " liars");
    MemoryGrid grid(kN);
    for (unsigned i = 0; i < liars; ++i) claim_all(*grid.servers[i]);
    const auto report = upload(grid);
    EXPECT_FALSE(grid.went_in_circles());
    ASSERT_FALSE(report.has_value());
    EXPECT_EQ(report.error().code, Errc::unhappy);
    EXPECT_NE(report.error().what.find("happiness"), std::string::npos) << report.error().what;
  }
}

TEST_F(Claims, f31_to_lack_now_this_and_now_that_are_not_believed_for_ever) {
  MemoryGrid grid(kN);
  std::uint64_t writes = 0;
  grid.servers[0]->tamper = [&](Answer& answer) {
    if (answer.kind != Kind::write) return;
    protocol::WriteReply reply;
    reply.required.add(file_.layout().block(++writes % 2));
    answer.field = "200";
    answer.body = encode(reply);
    grid.servers[0]->shares.clear();
  };
  const io::Time begin = grid.loop.now();
  const auto report = upload(grid);
  EXPECT_FALSE(grid.went_in_circles());
  ASSERT_TRUE(report.has_value()) << report.error().what;
  EXPECT_GE(report->happiness, kHappy);
  EXPECT_LT(grid.loop.now() - begin, seconds(60));
  EXPECT_GT(writes, 4u);
  EXPECT_LT(writes, 200u);
}

// It answers every question, but its disk fails at each write: its share goes elsewhere, or is given up when enough is placed.
TEST_F(Claims,
       f23_of_a_server_that_fails_at_every_write_neither_hold_an_upload_up_nor_cost_it_its_bytes_again_and_again) {
  for (const unsigned servers : {kN, kN + 1}) {
    SCOPED_TRACE(std::to_string(servers) + " servers");
    MemoryGrid grid(servers);
    std::uint64_t writes = 0;
    grid.servers[1]->tamper = [&](Answer& answer) {
      if (answer.kind != Kind::write) return;
      ++writes;
      answer.field = "500";
      grid.servers[1]->shares.clear();
    };
    const io::Time begin = grid.loop.now();
    const auto report = upload(grid);
    EXPECT_FALSE(grid.went_in_circles());
    ASSERT_TRUE(report.has_value()) << report.error().what;
    EXPECT_GE(report->happiness, kHappy);
    EXPECT_TRUE(report->servers[1].shares.empty());
    EXPECT_LT(grid.loop.now() - begin, seconds(60));
    EXPECT_LT(writes, 30u);
  }
}

TEST_F(Claims, f31_to_hold_now_more_and_now_less_of_what_they_refused_are_not_believed_for_ever) {
  for (const std::uint64_t more : {0u, 1u}) {  // now one byte and now none; each time one more
    MemoryGrid grid(kN + 1);
    std::uint64_t writes = 0, questions = 0;
    grid.servers[1]->tamper = [&](Answer& answer) {
      if (answer.kind == Kind::write) {
        ++writes;
        answer.field = "500";
        grid.servers[1]->shares.clear();
      } else if (answer.kind == Kind::status) {
        const std::uint64_t held = more > 0 ? ++questions : ++questions % 2, size = file_.layout().size();
        protocol::UploadStatus status;
        for (ShareNumber share = 0; share < kN; ++share) {
          status.incomplete[share].allocated_size = size;
          status.incomplete[share].required.add(Range{std::min(held, size - 1), size});
        }
        answer.body = encode(status);
      }
    };
    const io::Time begin = grid.loop.now();
    const auto report = upload(grid);
    EXPECT_FALSE(grid.went_in_circles());
    ASSERT_TRUE(report.has_value()) << report.error().what;
    EXPECT_TRUE(report->servers[1].shares.empty());
    EXPECT_EQ(report->shares_placed, kN) << "its share went elsewhere";
    EXPECT_LT(grid.loop.now() - begin, seconds(60));
    EXPECT_LT(writes, 60u);
  }
}

TEST_F(Claims, f31_to_have_taken_what_they_forget_are_not_sent_it_for_ever) {
  MemoryGrid grid(kN + 1);
  std::uint64_t writes = 0;
  MemoryServer& forgetful = *grid.servers[1];
  forgetful.tamper = [&](Answer& answer) {
    if (answer.kind != Kind::write) return;
    forgetful.shares.clear();
    forgetful.uploads.clear();
    const std::uint64_t size = file_.layout().size();
    protocol::WriteReply reply;
    reply.required.add(Range{size / 2, size});
    answer.field = ++writes % 2 == 1 ? "200" : "500";
    answer.body = encode(reply);
  };
  const io::Time begin = grid.loop.now();
  const auto report = upload(grid);
  EXPECT_FALSE(grid.went_in_circles());
  ASSERT_TRUE(report.has_value()) << report.error().what;
  EXPECT_TRUE(report->servers[1].shares.empty());
  EXPECT_EQ(report->shares_placed, kN);
  EXPECT_LT(grid.loop.now() - begin, std::chrono::minutes(10));
  EXPECT_LT(writes, 60u);
}

TEST_F(Claims, f13_writes_that_are_swallowed_go_elsewhere_after_two_silences) {
  MemoryGrid grid(kN + 1);
  grid.servers[1]->swallows = true;
  const io::Time begin = grid.loop.now();
  const auto report = upload(grid);
  EXPECT_FALSE(grid.went_in_circles());
  ASSERT_TRUE(report.has_value()) << report.error().what;
  EXPECT_EQ(report->shares_placed, kN);
  EXPECT_TRUE(report->servers[1].shares.empty());
  EXPECT_LT(grid.loop.now() - begin, seconds(40));
}

// Who takes every byte, says that it is stored and drops it cannot be told from who loses it a moment later. It is counted;
// but its shares are spread so that the others give the file back, and a later check finds it out.
TEST_F(Claims, f31_to_have_kept_what_was_dropped_cost_no_download_while_k_servers_keep_theirs) {
  for (unsigned liars = 0; liars < 1u << kN; ++liars) {
    if (std::popcount(liars) != kN - kK) continue;
    SCOPED_TRACE("servers " + std::to_string(liars));
    MemoryGrid grid(kN);
    for (unsigned i = 0; i < kN; ++i) grid.servers[i]->keeps = (liars >> i & 1) == 0;
    const auto report = upload(grid);
    ASSERT_TRUE(report.has_value()) << report.error().what;
    expect_right(grid);
  }
}

}  // namespace
}  // namespace holdfast::test
