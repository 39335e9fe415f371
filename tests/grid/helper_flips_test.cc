// F28: a helper makes something else of the file, by one bit. HF_FLIPS=10000 for more than `make test` has time for.
#include <gtest/gtest.h>

#include <cstdlib>

#include "grid/memory_grid.h"
#include "holdfast/core/immutable/share_test_kit.h"
#include "holdfast/core/immutable/uri_extension.h"

namespace holdfast::test {
namespace {

namespace kit = immutable::test_kit;
using State = protocol::HelperState;
using transfer::Proof;

constexpr std::uint64_t kDefaultFlips = 300;
constexpr unsigned kServers = 4, kK = 2, kN = 3;
constexpr std::uint64_t kFileBytes = 190, kSegmentBytes = 60;  // four segments, the last one short
const std::string kPath = "/home/file";

std::uint64_t flips() {
  const char* wanted = std::getenv("HF_FLIPS");
  return wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : kDefaultFlips;
}

void flip(MutableByteView bytes, Range range, Random& random) {
  const std::uint64_t bit = range.begin * 8 + random.below(range.size() * 8);
  bytes[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
}

/// What the helper says that it made, and what it placed.
struct Made {
  Bytes extension;
  std::vector<Bytes> shares;
};

class HelperFlips : public testing::TestWithParam<Proof> {
 protected:
  struct Tally {
    std::uint64_t believed = 0, gone_around = 0, refused = 0;
  };

  Made honest() {
    Made out{to_bytes(file_.encoder().uri_extension()), {}};
    for (ShareNumber share = 0; share < kN; ++share) out.shares.push_back(file_.share(share));
    return out;
  }
  /// One bit of the ciphertext, and all that follows from it.
  Made of_another_ciphertext() {
    Bytes plaintext = plaintext_;
    flip(plaintext, {0, kFileBytes}, random_);
    kit::EncodedFile file(plaintext, params_, file_.key());
    Made out{to_bytes(file.encoder().uri_extension()), {}};
    for (ShareNumber share = 0; share < kN; ++share) out.shares.push_back(file.share(share));
    return out;
  }
  /// The same, but what can be known without encoding is that of the file: the shares agree with each other.
  Made of_wrong_blocks() {
    const Made right = honest();
    Made out = of_another_ciphertext();
    const immutable::ShareLayout& layout = file_.layout();
    immutable::UriExtension own = immutable::parse_uri_extension(right.extension, kK).value();
    const immutable::UriExtension wrong = immutable::parse_uri_extension(out.extension, kK).value();
    const Hash flat = Hash::from(own.fields.at("crypttext_hash"));
    out.extension = immutable::encode_uri_extension(file_.geometry(), {flat, own.crypttext_root, wrong.share_root});
    for (ShareNumber share = 0; share < kN; ++share) {
      splice(out.shares[share], layout.crypttext_hashes(), right.shares[share]);
      std::ranges::copy(out.extension, extension_in(out.shares[share]).begin());
    }
    return out;
  }
  Made with_a_wrong_share() {
    Made out = honest();
    Bytes& share = out.shares[random_.below(kN)];
    flip(share, {0, share.size()}, random_);
    return out;
  }
  Made with_another_word_for_it() {
    Made out = honest();
    flip(out.extension, {0, out.extension.size()}, random_);
    return out;
  }
  Made with_another_extension() {
    Made out = with_another_word_for_it();
    for (Bytes& share : out.shares) std::ranges::copy(out.extension, extension_in(share).begin());
    return out;
  }

  /// Puts the file through a helper that made this of it; what is printed as the cap must give the file back.
  void put_through(const Made& made, Tally& tally) {
    MemoryGrid grid(kServers, random_.below(UINT64_MAX));
    MemoryHelper& helper = grid.add_helper();
    helper.places = false;
    helper.tamper = [&](MemoryHelper::Call, State& state) {
      if (state.kind != State::Kind::done) return;
      state.ueb = made.extension;
      for (ShareNumber share = 0; share < kN; ++share) grid.servers[share]->shares[share] = made.shares[share];
    };
    grid.put_file(kPath, plaintext_);
    transfer::UploadOptions options;
    options.k = kK;
    options.n = options.happy = kN;
    options.segment_bytes_max = kSegmentBytes;
    options.proof = GetParam();
    const auto report = grid.upload(kPath, options);
    ASSERT_FALSE(grid.went_in_circles());
    if (!report) {
      ++tally.refused;
      ASSERT_EQ(report.error().code, Errc::unhappy) << report.error().what;
      return;
    }
    const bool believed = !report->via->name.empty();
    ++(believed ? tally.believed : tally.gone_around);
    ASSERT_TRUE(!believed || report->via->proof == GetParam());
    back_ = grid.download(cap::parse_cap(report->cap));
    right_cap_ = report->cap == cap::to_string(cap::Cap(file_.cap()));
  }

  /// As often as wanted; `each` looks at what came of one.
  Tally repeat(const std::function<Made()>& make,
               const std::function<void(const Tally& before, const Tally& now)>& each) {
    Tally tally;
    for (std::uint64_t i = 0; i < flips(); ++i) {
      const Tally before = tally;
      put_through(make(), tally);
      if (!HasFatalFailure()) each(before, tally);
      if (HasFailure()) break;
    }
    std::printf("  %llu flips: %llu believed, %llu gone around, %llu refused\n",
                static_cast<unsigned long long>(flips()), static_cast<unsigned long long>(tally.believed),
                static_cast<unsigned long long>(tally.gone_around), static_cast<unsigned long long>(tally.refused));
    return tally;
  }
  void expect_never_believed(const std::function<Made()>& make) {
    const Tally tally = repeat(make, [this](const Tally& before, const Tally& now) {
      EXPECT_TRUE(now.refused > before.refused || (back_ && *back_ == plaintext_));
    });
    EXPECT_EQ(tally.believed, 0u);
  }

  static void splice(Bytes& share, Range range, const Bytes& from) {
    std::copy_n(from.begin() + static_cast<std::ptrdiff_t>(range.begin), range.size(),
                share.begin() + static_cast<std::ptrdiff_t>(range.begin));
  }
  MutableByteView extension_in(Bytes& share) const {
    return MutableByteView(share).subspan(file_.layout().uri_extension().begin + file_.layout().length_bytes());
  }

  const Bytes plaintext_ = kit::plaintext_of(kFileBytes);
  const immutable::Params params_ = immutable::make_params(kK, kN, kFileBytes, kSegmentBytes).value();
  kit::EncodedFile file_{plaintext_, params_, kit::convergent_key(plaintext_, params_, Secret(Bytes(32, 7)))};
  SeededRandom random_{28};
  Result<Bytes> back_ = fail(Errc::cancelled, "");  // what the cap of the last put gives
  bool right_cap_ = false;
};
INSTANTIATE_TEST_SUITE_P(Proof, HelperFlips, testing::Values(Proof::full, Proof::sample),
                         [](const auto& which) { return std::string(to_string(which.param)); });

TEST_P(HelperFlips, what_is_right_is_believed) {
  Tally tally;
  put_through(honest(), tally);
  EXPECT_EQ(tally.believed, 1u);
  EXPECT_TRUE(right_cap_ && back_ && *back_ == plaintext_);
}

TEST_P(HelperFlips, f28_a_bit_of_the_ciphertext_is_never_believed) {
  expect_never_believed([this] { return of_another_ciphertext(); });
}

TEST_P(HelperFlips, f28_a_bit_of_the_extension_block_that_it_shows_is_never_believed) {
  expect_never_believed([this] { return with_another_word_for_it(); });
}

TEST_P(HelperFlips, f28_a_bit_of_the_extension_block_in_every_share_is_never_believed) {
  expect_never_believed([this] { return with_another_extension(); });
}

// Found where it is read back; else it is what a server may do at any time, and other shares give the file back.
TEST_P(HelperFlips, f28_a_bit_of_one_share_does_no_harm) {
  const Tally tally =
      repeat([this] { return with_a_wrong_share(); },
             [this](const Tally& before, const Tally& now) {
               EXPECT_TRUE(now.refused > before.refused || (right_cap_ && back_ && *back_ == plaintext_));
             });
  EXPECT_GT(tally.believed, 0u);
  EXPECT_LT(tally.believed, flips());
}

// What a sample leaves to the helper's word (docs/operating.md): one of the four segments is wrong, and one of four is looked at.
TEST_P(HelperFlips, f28_blocks_that_are_not_made_of_the_file_are_found_by_a_full_proof) {
  if (GetParam() == Proof::full) {
    expect_never_believed([this] { return of_wrong_blocks(); });
    return;
  }
  const Tally tally = repeat([this] { return of_wrong_blocks(); }, [](const Tally&, const Tally&) {});
  EXPECT_NEAR(static_cast<double>(tally.believed) / static_cast<double>(flips()), 0.75, 0.1);
}

}  // namespace
}  // namespace holdfast::test
