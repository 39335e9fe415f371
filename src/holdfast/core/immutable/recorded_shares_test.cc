// Shares that real Tahoe-LAFS wrote, read back from every choice of k of them.
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "holdfast/core/crypto/sha256.h"
#include "holdfast/core/immutable/share_audit.h"
#include "holdfast/core/immutable/share_test_kit.h"
#include "support/vectors.h"

namespace holdfast::immutable {
namespace {

using boost::json::value;

struct Recorded {
  cap::ChkReadCap cap;
  std::string content_sha256;
  std::map<ShareNumber, Bytes> shares;

  FileClaim claim() const { return {cap.ueb_hash, cap.k, cap.n, cap.size}; }
};

Recorded load(const value& entry) {
  Recorded out{
      std::get<cap::ChkReadCap>(cap::parse_cap(test::text(entry, "cap"))), test::text(entry, "content_sha256"), {}};
  for (const auto& share : test::list(entry, "shares")) {
    if (share.at("file").is_null()) continue;  // of the largest files only some shares are kept
    auto bytes = test::load_vector_bytes("tahoe/" + test::text(share, "file"));
    EXPECT_EQ(bytes->size(), test::number(share, "size"));
    out.shares[static_cast<ShareNumber>(test::number(share, "share_number"))] = std::move(*bytes);
  }
  return out;
}

/// All choices of k of the numbers, each ascending.
std::vector<std::vector<ShareNumber>> choices(const std::vector<ShareNumber>& numbers, std::size_t k) {
  std::vector<std::vector<ShareNumber>> out;
  std::vector<bool> taken(numbers.size());
  std::fill_n(taken.begin(), k, true);
  do {
    std::vector<ShareNumber> chosen;
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      if (taken[i]) chosen.push_back(numbers[i]);
    }
    out.push_back(chosen);
  } while (std::prev_permutation(taken.begin(), taken.end()));
  return out;
}

void expect_read(const Recorded& file, const std::vector<ShareNumber>& from) {
  SCOPED_TRACE(testing::PrintToString(from));
  std::vector<test_kit::CopyOf> copies;
  copies.reserve(from.size());
  for (ShareNumber number : from) copies.push_back({number, file.shares.at(number)});
  const auto read = test_kit::read_file(file.claim(), &file.cap.key, copies);
  ASSERT_TRUE(read.has_value()) << read.error().what;
  EXPECT_EQ(read->size(), file.cap.size);
  EXPECT_EQ(to_hex(crypto::sha256(*read).view()), file.content_sha256);
}

template <class Each>
void for_recorded(const Each& each) {
  const auto manifest = test::load_vectors("tahoe/manifest.json");
  if (!manifest) GTEST_SKIP() << test::kNoVectors;
  std::size_t files = 0, shares = 0;
  for (const auto& entry : test::list(*manifest, "immutable")) {
    if (test::text(entry, "type") != "CHK") continue;
    SCOPED_TRACE(test::text(entry, "name"));
    const Recorded file = load(entry);
    ASSERT_GE(file.shares.size(), file.cap.k);
    each(file);
    ++files;
    shares += file.shares.size();
  }
  EXPECT_EQ(files, 20u);
  EXPECT_EQ(shares, 78u);
}

TEST(RecordedShares, give_back_the_content_from_every_choice_of_k) {
  std::mt19937 random(7);
  for_recorded([&](const Recorded& file) {
    std::vector<ShareNumber> numbers;
    for (const auto& [number, share] : file.shares) numbers.push_back(number);
    auto all = choices(numbers, file.cap.k);
    constexpr std::size_t kSome = 12;
    if (file.cap.size > 100'000 && all.size() > kSome) {
      std::ranges::shuffle(all, random);
      all.resize(kSome);
    }
    for (std::vector<ShareNumber> from : all) {
      expect_read(file, from);
      std::ranges::shuffle(from, random);
      expect_read(file, from);
    }
  });
}

TEST(RecordedShares, pass_the_audit_of_a_server_at_their_own_number_only) {
  for_recorded([](const Recorded& file) {
    for (const auto& [number, share] : file.shares) {
      const ShareBytesAt at = [&bytes = share](std::uint64_t offset, MutableByteView out) -> Result<void> {
        HF_CHECK(offset <= bytes.size() && out.size() <= bytes.size() - offset);
        std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
        return {};
      };
      EXPECT_TRUE(std::holds_alternative<AuditPassed>(audit_share(share.size(), number, at).value()));
      const auto other = static_cast<ShareNumber>(number == 0 ? 1 : 0);
      EXPECT_TRUE(std::holds_alternative<AuditFailed>(audit_share(share.size(), other, at).value()));
    }
  });
}

TEST(RecordedShares, of_one_number_are_refused_under_another) {
  for_recorded([](const Recorded& file) {
    for (const auto& [number, share] : file.shares) {
      for (ShareNumber other = 0; other < file.cap.n + 1; ++other) {
        if (other == number) continue;
        FileState state(file.claim());
        ShareReader reader(state, other);
        // The chain proves the sibling's leaf too; then the block tree or the block does not lead to it.
        Result<void> read = test_kit::open_copy(reader, share);
        if (read) read = test_kit::fetch_nodes(reader, share, 0, 1);
        if (read) read = reader.check_block(0, test_kit::served(share, reader.block_range(0, 1)));
        ASSERT_FALSE(read);
        EXPECT_EQ(read.error().code, Errc::corrupt);
      }
    }
  });
}

}  // namespace
}  // namespace holdfast::immutable
