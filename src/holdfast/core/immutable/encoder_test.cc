#include "holdfast/core/immutable/encoder.h"

#include <gtest/gtest.h>

#include "holdfast/core/base/base32.h"
#include "holdfast/core/cap/cap.h"
#include "holdfast/core/cap/derive.h"
#include "holdfast/core/immutable/share_audit.h"
#include "holdfast/core/immutable/share_reader.h"
#include "support/vectors.h"

namespace holdfast::immutable {
namespace {

struct Encoded {
  cap::Key key;
  std::unique_ptr<Encoder> encoder;
  std::vector<EncodedSegment> segments;

  Bytes share(ShareNumber number) {
    Bytes out = encoder->share_bytes(number, encoder->layout().header()).value();
    for (const EncodedSegment& segment : segments) append(out, segment.block(number));
    append(out, encoder->share_bytes(number, {encoder->layout().data().end, encoder->layout().size()}).value());
    return out;
  }
  std::string cap() const {
    cap::ChkReadCap read;
    read.key = key;
    read.ueb_hash = encoder->uri_extension_hash();
    read.k = static_cast<std::uint16_t>(encoder->params().k);
    read.n = static_cast<std::uint16_t>(encoder->params().n);
    read.size = encoder->params().size;
    return cap::to_string(cap::Cap(read));
  }
};

Encoded encode(const Bytes& plaintext, const Params& params, const Secret& convergence) {
  Encoded out;
  const Geometry geometry = Geometry::create(params).value();
  cap::ConvergentKeyHasher hasher(params.k, params.n, params.segment_size, convergence);
  hasher.update(plaintext);
  out.key = hasher.finish();
  const auto stores = [](std::uint64_t) { return std::make_unique<hashtree::MemoryNodeStore>(); };
  out.encoder = std::make_unique<Encoder>(geometry, ShareLayout(geometry), stores);
  const SegmentEncoder segments(geometry, &out.key);
  for (SegmentNumber s = 0; s < geometry.num_segments(); ++s) {
    const Range range = geometry.segment_range(s);
    out.segments.push_back(segments.encode(s, Buffer(plaintext.begin() + static_cast<std::ptrdiff_t>(range.begin),
                                                     plaintext.begin() + static_cast<std::ptrdiff_t>(range.end))));
    EXPECT_TRUE(out.encoder->absorb(out.segments.back()).has_value());
  }
  EXPECT_TRUE(out.encoder->finish().has_value());
  return out;
}

Bytes manifest_plaintext(std::size_t size) {
  Bytes out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::uint8_t>((i * 7 + 3) % 251);
  return out;
}

TEST(Encoder, MakesTheWorkedExampleOfTheSpecification) {
  const Params params = make_params(1, 1, 56, 131072).value();
  const Secret convergence{Bytes(16, 'a')};
  Encoded made = encode(Bytes(56, 'a'), params, convergence);
  EXPECT_EQ(made.cap(),
            "URI:CHK:yzxcoagbetwet65ltjpbqyli3m:6b7inuiha2xdtgqzd55i6aeggutnxzr6qfwpv2ep5xlln6pgef7a:1:1:56");
  EXPECT_EQ(to_hex(crypto::sha256(made.share(0)).view()),
            "db1d48ee34ddcfdba66e3491400526ba441cdb1734aeeffca61fe9797ef660e8");
}

TEST(Encoder, ReproducesEveryRecordedShareOfTheReferenceAndItsCap) {
  const auto manifest = test::load_vectors("tahoe/manifest.json");
  if (!manifest) GTEST_SKIP() << test::kNoVectors;
  const Secret convergence(test::from_hex(test::text(*manifest, "convergence_secret_hex")));
  std::size_t shares = 0;
  for (const auto& entry : test::list(*manifest, "immutable")) {
    if (test::text(entry, "type") != "CHK") continue;
    const auto params =
        make_params(static_cast<unsigned>(test::number(entry, "k")), static_cast<unsigned>(test::number(entry, "n")),
                    test::number(entry, "size"), test::number(entry, "max_segment_size"));
    Encoded made = encode(manifest_plaintext(test::number(entry, "size")), *params, convergence);
    EXPECT_EQ(made.cap(), test::text(entry, "cap"));
    for (const auto& share : test::list(entry, "shares")) {
      const auto number = static_cast<ShareNumber>(test::number(share, "share_number"));
      EXPECT_EQ(to_hex(crypto::sha256(made.share(number)).view()), test::text(share, "sha256"))
          << test::text(entry, "name");
      ++shares;
    }
  }
  EXPECT_GT(shares, 60u);
}

class Audit : public testing::Test {
 protected:
  AuditVerdict look(ShareNumber number) const {
    const ShareBytesAt at = [this](std::uint64_t offset, MutableByteView out) -> Result<void> {
      std::copy_n(share_.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
      return {};
    };
    return audit_share(share_.size(), number, at).value();
  }
  Encoded made_ = encode(manifest_plaintext(10'000), make_params(3, 10, 10'000, 1'024).value(), Secret{});
  Bytes share_ = made_.share(4);
};

TEST_F(Audit, PassesWhatTheEncoderMakes) {
  EXPECT_TRUE(std::holds_alternative<AuditPassed>(look(4)));
}

TEST_F(Audit, NamesTheBlockThatWasChanged) {
  share_[made_.encoder->layout().block(2).begin + 5] ^= 1;
  const AuditVerdict verdict = look(4);
  ASSERT_TRUE(std::holds_alternative<AuditFailed>(verdict));
  EXPECT_EQ(std::get<AuditFailed>(verdict).wrong, RangeSet{made_.encoder->layout().block(2)});
}

TEST_F(Audit, RefusesAShareUnderAnotherNumber) {
  EXPECT_TRUE(std::holds_alternative<AuditFailed>(look(5)));
}

TEST_F(Audit, NoticesEveryFlippedBitOfBlocksTreesAndChain) {
  const Range unused = made_.encoder->layout().plaintext_hashes();
  const Bytes good = share_;
  for (std::size_t at = 20; at < made_.encoder->layout().uri_extension().begin; at += 7) {
    // Nobody looks at the unused tree and its offset; the extension block is bound by the cap, which a server has not.
    if (at >= unused.begin && at < unused.end) continue;
    share_ = good;
    share_[at] ^= 1;
    EXPECT_FALSE(std::holds_alternative<AuditPassed>(look(4))) << at;
  }
}

}  // namespace
}  // namespace holdfast::immutable
