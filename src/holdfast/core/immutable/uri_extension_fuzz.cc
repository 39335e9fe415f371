// What is accepted as a URI extension block is understood: it can be written again, and its geometry is safe
// to use.
//
// The input is one byte for k-1 and the block.
#include <algorithm>

#include "holdfast/core/base/check.h"
#include "holdfast/core/base/netstring.h"
#include "holdfast/core/immutable/uri_extension.h"

namespace {

using namespace holdfast;
using namespace holdfast::immutable;

Bytes serialised(const UriExtension& extension) {
  Bytes out;
  for (const auto& [key, value] : extension.fields) {
    append(out, key + ":");
    append_netstring(out, value);
  }
  return out;
}

void use_geometry(const UriExtension& extension, const Geometry& geometry) {
  HF_CHECK(geometry.num_segments() >= 1 && geometry.tail_size() >= 1 &&
           geometry.tail_size() <= geometry.segment_size());
  const SegmentNumber last = geometry.num_segments() - 1;
  HF_CHECK(geometry.segment_range(last).end == geometry.size());
  if (!check_redundant_fields(extension, geometry)) return;
  // With all its fields right, it is the block that we would write.
  if (extension.fields.size() != 11 || !extension.fields.contains("crypttext_hash")) return;
  const bool has_all = std::ranges::all_of(
      std::initializer_list<const char*>{"codec_name", "codec_params", "needed_shares", "num_segments", "size",
                                         "tail_codec_params", "total_shares"},
      [&](const char* key) { return extension.fields.contains(key); });
  if (!has_all) return;
  const UriExtensionHashes hashes{Hash::from(extension.fields.at("crypttext_hash")), extension.crypttext_root,
                                  extension.share_root};
  HF_CHECK(encode_uri_extension(geometry, hashes) == serialised(extension));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const unsigned k = data[0] + 1u;
  const ByteView bytes = ByteView(data, size).subspan(1);
  const Result<UriExtension> parsed = parse_uri_extension(bytes, k);
  if (!parsed) {
    HF_CHECK(parsed.error().code == Errc::malformed);
    return 0;
  }
  HF_CHECK(bytes.size() <= kUriExtensionBytesMax);
  HF_CHECK(parsed->segment_size >= 1 && parsed->segment_size % k == 0);
  const Bytes again = serialised(*parsed);
  HF_CHECK(again.size() == bytes.size());
  HF_CHECK(parse_uri_extension(again, k)->fields == parsed->fields);
  for (const std::uint64_t file_size : {std::uint64_t{1}, std::uint64_t{55}, std::uint64_t{5'000},
                                        std::uint64_t{1} << 40, std::uint64_t{1} << 56, ~std::uint64_t{0}}) {
    const Result<Geometry> geometry = Geometry::create({k, std::max(k, 10u), file_size, parsed->segment_size});
    if (geometry) use_geometry(*parsed, *geometry);
  }
  return 0;
}
