#include "holdfast/core/immutable/crypttext_hasher.h"

#include <gtest/gtest.h>

#include "holdfast/core/immutable/share_test_kit.h"
#include "holdfast/core/immutable/uri_extension.h"

namespace holdfast::immutable {
namespace {

using test_kit::EncodedFile;

TEST(CrypttextHasher, knows_of_the_extension_block_what_the_encoder_knows) {
  for (const std::uint64_t size : {std::uint64_t{1}, std::uint64_t{60}, std::uint64_t{61}, std::uint64_t{1000}}) {
    SCOPED_TRACE(std::to_string(size) + " bytes");
    const Params params = make_params(2, 3, size, 60).value();
    const Bytes plaintext = test_kit::plaintext_of(size);
    const cap::Key key = cap::Key::from(Bytes(16, 9));
    EncodedFile file(plaintext, params, key);
    CrypttextHasher hasher(file.geometry(), test_kit::memory_store);
    const SegmentEncoder only_encrypts(file.geometry(), &key, SegmentEncoder::Makes::ciphertext);
    for (SegmentNumber s = 0; s < file.geometry().num_segments(); ++s) {
      const Range range = file.geometry().segment_range(s);
      const EncodedSegment segment =
          only_encrypts.encode(s, to_buffer(ByteView(plaintext).subspan(range.begin, range.size())));
      EXPECT_TRUE(equal(segment.ciphertext(), file.segments()[s].ciphertext()));
      EXPECT_TRUE(segment.block_hashes().empty());
      ASSERT_TRUE(hasher.absorb(segment.ciphertext()));
      EXPECT_EQ(hasher.segment_hash(s).value(), file.segments()[s].segment_hash());
    }
    ASSERT_TRUE(hasher.finish());
    const UriExtension extension = parse_uri_extension(file.encoder().uri_extension(), 2).value();
    EXPECT_EQ(hasher.root(), extension.crypttext_root);
    EXPECT_TRUE(equal(hasher.hash().view(), extension.fields.at("crypttext_hash")));
  }
}

}  // namespace
}  // namespace holdfast::immutable
