// One bit is flipped in what servers store, or in what they answer. Whoever gets a file gets the right bytes; whoever puts
// one gets its cap with the shares in place, or a sentence. HF_FLIPS=1000000 for more than `make test` has time for.
#include <gtest/gtest.h>

#include <cstdlib>

#include "grid/memory_grid.h"
#include "holdfast/core/immutable/share_test_kit.h"

namespace holdfast::test {
namespace {

namespace kit = immutable::test_kit;
constexpr std::uint64_t kDefaultFlips = 10'000;
constexpr unsigned kServers = 4, kK = 2, kN = 3;
constexpr std::uint64_t kFileBytes = 190, kSegmentBytes = 60;  // four segments, the last one short
const std::string kPath = "/home/file";

std::uint64_t flips() {
  const char* wanted = std::getenv("HF_FLIPS");
  return wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : kDefaultFlips;
}

cap::Key key_of(const Bytes& plaintext, const immutable::Params& params) {
  return kit::convergent_key(plaintext, params, Secret(Bytes(32, 7)));
}

/// What became of flips.
struct Outcomes {
  std::uint64_t right = 0, refused = 0;
  void operator+=(const Outcomes& other) {
    right += other.right;
    refused += other.refused;
  }
};

class Flips : public testing::TestWithParam<unsigned> {
 protected:
  struct Field {
    std::string name;
    Range range;
  };

  /// Of a stored share.
  std::vector<Field> fields() const {
    const immutable::ShareLayout& layout = file_.layout();
    const std::uint64_t width = layout.length_bytes(), extension = layout.uri_extension().begin;
    std::vector<Field> out{{"version", {0, 4}}};
    constexpr std::array kOffsets{"block size",
                                  "data size",
                                  "offset of data",
                                  "offset of the plaintext tree",
                                  "offset of the crypttext tree",
                                  "offset of the block tree",
                                  "offset of the chain",
                                  "offset of the extension"};
    for (std::size_t i = 0; i < kOffsets.size(); ++i)
      out.push_back({kOffsets[i], {4 + i * width, 4 + (i + 1) * width}});
    for (SegmentNumber s = 0; s < file_.geometry().num_segments(); ++s) out.push_back({"a block", layout.block(s)});
    out.push_back({"plaintext tree", layout.plaintext_hashes()});
    out.push_back({"crypttext tree", layout.crypttext_hashes()});
    out.push_back({"block tree", layout.block_hashes()});
    out.push_back({"chain", layout.share_hashes()});
    out.push_back({"length of the extension", {extension, extension + width}});
    out.push_back({"extension", {extension + width, layout.size()}});
    return out;
  }

  /// Flips one bit of answer number `at` of all servers together; counts them all.
  struct Meddler {
    std::uint64_t at = ~std::uint64_t{0}, bit = 0, seen = 0;
    std::vector<std::uint64_t> answers;  // the bits of each
    std::string what = "none";

    void choose(const Meddler& honest, std::uint64_t i, Random& random) {
      at = i % honest.answers.size();
      bit = random.below(std::max<std::uint64_t>(1, honest.answers[at]));
    }
    void meddle(Answer& answer) {
      const std::uint64_t in_field = answer.field.size() * 8, all = in_field + answer.body.size() * 8;
      answers.push_back(all);
      if (seen++ != at || all == 0) return;
      const std::uint64_t chosen = bit % all;
      const auto mask = static_cast<std::uint8_t>(1u << chosen % 8);
      what =
          std::string(kKindNames.at(static_cast<std::size_t>(answer.kind))) + (chosen < in_field ? ", head" : ", body");
      if (chosen < in_field) {
        answer.field[chosen / 8] = static_cast<char>(answer.field[chosen / 8] ^ mask);
      } else {
        answer.body[(chosen - in_field) / 8] ^= mask;
      }
    }
    void watch(MemoryGrid& grid) {
      for (const auto& server : grid.servers) server->tamper = [this](Answer& answer) { meddle(answer); };
    }
  };

  void store_shares(MemoryGrid& grid) {
    for (ShareNumber share = 0; share < kN; ++share) grid.servers[share]->shares[share] = shares_[share];
  }

  /// One bad share or answer leaves enough good ones.
  void expect_download(MemoryGrid& grid) {
    const Result<Bytes> got = grid.download(file_.cap());
    ASSERT_FALSE(grid.went_in_circles());
    ASSERT_TRUE(got.has_value()) << got.error().what;
    ASSERT_EQ(*got, plaintext_) << "wrong bytes";
  }

  /// Shares of which a beginning lies at a server, as an earlier run may have left it.
  void begin_uploads(MemoryGrid& grid) {
    for (ShareNumber share = 0; share < kN; ++share) {
      MemoryServer::Upload upload{Bytes(shares_[share].size()), RangeSet{{0, shares_[share].size()}}};
      const Range held{0, shares_[share].size() * (share + 1) / (kN + 1)};
      std::copy_n(shares_[share].begin(), held.size(), upload.content.begin());
      upload.missing.subtract(held);
      grid.servers[share]->uploads[share] = std::move(upload);
    }
  }

  void expect_upload(MemoryGrid& grid, Outcomes& outcomes) {
    grid.put_file(kPath, plaintext_);
    transfer::UploadOptions options;
    options.k = kK;
    options.n = options.happy = kN;
    options.segment_bytes_max = kSegmentBytes;
    const auto report = grid.upload(kPath, options);
    ASSERT_FALSE(grid.went_in_circles());
    if (!report) {
      ++outcomes.refused;
      ASSERT_TRUE(report.error().code == Errc::unhappy && !report.error().what.empty()) << report.error().what;
      return;
    }
    ++outcomes.right;
    ASSERT_EQ(report->cap, cap::to_string(cap::Cap(file_.cap())));
    std::set<ShareNumber> placed;
    for (std::size_t i = 0; i < kServers; ++i) {
      for (ShareNumber share : report->servers[i].shares) {
        ASSERT_EQ(grid.servers[i]->shares[share], shares_[share]) << "counted, but not there";
        placed.insert(share);
      }
    }
    ASSERT_EQ(placed.size(), kN);
  }

  void show() const {
    std::uint64_t all = 0, refused = 0;
    for (const auto& [what, outcomes] : tally_) {
      std::printf("  %-34s %9llu right %7llu refused\n", what.c_str(), static_cast<unsigned long long>(outcomes.right),
                  static_cast<unsigned long long>(outcomes.refused));
      all += outcomes.right + outcomes.refused;
      refused += outcomes.refused;
    }
    std::printf("  %llu flips: 0 wrong, %llu refused\n", static_cast<unsigned long long>(all),
                static_cast<unsigned long long>(refused));
  }

  const Bytes plaintext_ = kit::plaintext_of(kFileBytes);
  const immutable::Params params_ = immutable::make_params(kK, kN, kFileBytes, kSegmentBytes).value();
  kit::EncodedFile file_{plaintext_, params_, key_of(plaintext_, params_), {.version = GetParam()}};
  const std::vector<Bytes> shares_{file_.share(0), file_.share(1), file_.share(2)};
  SeededRandom random_{GetParam()};
  std::map<std::string, Outcomes> tally_;  // by field
};
INSTANTIATE_TEST_SUITE_P(Layout, Flips, testing::Values(1u, 2u));

TEST_P(Flips, f32_in_each_field_of_a_stored_share_leave_a_download_right) {
  const std::vector<Field> all = fields();
  for (std::uint64_t i = 0; i < flips() / 4; ++i) {
    const Field& field = all[i % all.size()];
    const auto share = static_cast<ShareNumber>(random_.below(kN));
    const std::uint64_t bit = field.range.begin * 8 + random_.below(field.range.size() * 8);
    MemoryGrid grid(kServers, i);
    store_shares(grid);
    grid.servers[share]->shares[share][bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
    expect_download(grid);
    ++tally_[field.name].right;
    if (HasFatalFailure()) FAIL() << field.name << ": share " << share << ", bit " << bit;
  }
  show();
}

TEST_P(Flips, f32_in_any_answer_leave_a_download_right) {
  Meddler honest;
  for (std::uint64_t i = 0; i <= flips() / 8; ++i) {
    Meddler meddler;
    if (i > 0) meddler.choose(honest, i, random_);
    MemoryGrid grid(kServers);
    store_shares(grid);
    meddler.watch(grid);
    expect_download(grid);
    ++tally_[meddler.what].right;
    if (HasFatalFailure()) FAIL() << meddler.what << ": answer " << meddler.at << ", bit " << meddler.bit;
    if (i == 0) honest = meddler;
  }
  show();
}

TEST_P(Flips, f32_in_any_answer_leave_an_upload_proven_or_refused) {
  if (GetParam() != 1) GTEST_SKIP() << "so small a file is written in layout 1";
  for (const bool begun : {false, true}) {
    Meddler honest;
    for (std::uint64_t i = 0; i <= flips() / 8; ++i) {
      Meddler meddler;
      if (i > 0) meddler.choose(honest, i, random_);
      MemoryGrid grid(kServers);
      if (begun) begin_uploads(grid);
      meddler.watch(grid);
      Outcomes outcomes;
      expect_upload(grid, outcomes);
      tally_[meddler.what] += outcomes;
      if (HasFatalFailure()) FAIL() << meddler.what << ": answer " << meddler.at << ", bit " << meddler.bit;
      if (i == 0) honest = meddler;
    }
  }
  show();
}

}  // namespace
}  // namespace holdfast::test
