// Two attackers. A server that made up a share cannot make a reader believe anything but the file; an
// uploader who made up the cap as well can spoil his own file, but not the reader.
//
// The input: flags, share number, then the share itself, or patches of three bytes (offset, value) to a good
// share. With kOwnCap k-1, n-1 and the size (8 bytes) come first.
#include <algorithm>

#include "holdfast/core/base/check.h"
#include "holdfast/core/base/endian.h"
#include "holdfast/core/immutable/share_test_kit.h"

namespace {

using namespace holdfast;
using namespace holdfast::immutable;

enum Flag : std::uint8_t { kRaw = 1, kOwnCap = 2, kOtherFirst = 4, kVersion2 = 8 };
constexpr ShareNumber kOther = 2;

struct Good {
  explicit Good(unsigned version)
      : file(plaintext, make_params(2, 3, plaintext.size(), 20).value(), cap::Key::from(Bytes(16, 1)),
             {.version = version}),
        share(file.share(0)),
        other(file.share(kOther)) {}
  const Bytes plaintext = test_kit::plaintext_of(55);
  test_kit::EncodedFile file;
  const Bytes share, other;
};

Good& good(unsigned version) {
  static Good v1(1), v2(2);
  return version == 1 ? v1 : v2;
}

Bytes patched(Bytes share, ByteView patches) {
  for (; patches.size() >= 3; patches = patches.subspan(3)) {
    const std::uint64_t at = load_be(patches, 0, 2);
    if (at < share.size()) share[at] = patches[2];
  }
  return share;
}

/// The hash of what the share says is its extension block, so that a cap could name it.
Hash hash_of_extension(ByteView share) {
  const auto offsets = parse_header(test_kit::served(share, {0, kHeaderBytesV2}));
  if (!offsets) return {};
  const ByteView field =
      test_kit::served(share, {offsets->uri_extension, offsets->uri_extension + offsets->length_bytes()});
  if (field.size() < offsets->length_bytes()) return {};
  const std::uint64_t begin = offsets->uri_extension + field.size(), length = load_be(field, 0, field.size());
  return uri_extension_hash(test_kit::served(share, {begin, begin + std::min<std::uint64_t>(length, share.size())}));
}

/// Only the windows around the first and the last segments: there may be 2^56 of them.
void read_windows(FileState& file, ShareReader& reader, ByteView share) {
  const SegmentNumber segments = file.geometry().num_segments();
  for (const SegmentNumber first : {SegmentNumber{0}, segments / 2, segments - 1}) {
    const SegmentNumber end = std::min(first + 4, segments);
    if (!test_kit::fetch_nodes(reader, share, first, end)) return;
    for (SegmentNumber s = first; s < end; ++s) {
      const Range range = reader.block_range(s, s + 1);
      HF_CHECK(range.size() == file.geometry().block_bytes(s));
      const ByteView block = test_kit::served(share, range);
      static_cast<void>(reader.check_block(s, block));
      static_cast<void>(file.crypttext().leaf(s));
    }
    reader.forget_before(first);
    file.crypttext().forget_leaves_before(first);
  }
}

void attack_as_uploader(ByteView input, std::uint8_t flags, ShareNumber number) {
  if (input.size() < 10) return;
  const unsigned k = input[0] + 1u, n = std::max(k, input[1] + 1u);
  const std::uint64_t size = load_be(input, 2, 8);
  input = input.subspan(10);
  const Bytes share =
      (flags & kRaw) != 0 ? to_bytes(input) : patched(good((flags & kVersion2) != 0 ? 2 : 1).share, input);
  FileState file(FileClaim{hash_of_extension(share), k, n, size});
  ShareReader reader(file, number);
  if (test_kit::open_copy(reader, share)) read_windows(file, reader, share);
}

void attack_as_server(ByteView input, std::uint8_t flags, ShareNumber number) {
  Good& real = good((flags & kVersion2) != 0 ? 2 : 1);
  const Bytes share = (flags & kRaw) != 0 ? to_bytes(input) : patched(real.share, input);
  std::vector<test_kit::CopyOf> copies{{number, share}, {kOther, real.other}};
  if ((flags & kOtherFirst) != 0) std::swap(copies[0], copies[1]);
  const auto read = test_kit::read_file(real.file.claim(), &real.file.key(), copies);
  if (read) HF_CHECK(*read == real.plaintext);
  // A server cannot spoil the file for the others.
  HF_CHECK(read || read.error().code != Errc::malformed || number == kOther);

  FileState file(real.file.claim());
  ShareReader reader(file, number);
  if (!test_kit::open_copy(reader, share)) return;
  if (!test_kit::fetch_nodes(reader, share, 0, file.geometry().num_segments())) return;
  for (SegmentNumber s = 0; s < file.geometry().num_segments(); ++s) {
    const ByteView block = test_kit::served(share, reader.block_range(s, s + 1));
    if (reader.check_block(s, block)) HF_CHECK(equal(block, real.file.segments()[s].block(number)));
    HF_CHECK(file.crypttext().leaf(s) == real.file.segments()[s].segment_hash());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2 || size > 10'000) return 0;
  const ByteView input = ByteView(data, size).subspan(2);
  if ((data[0] & kOwnCap) != 0) {
    attack_as_uploader(input, data[0], data[1]);
  } else {
    attack_as_server(input, data[0], data[1]);
  }
  return 0;
}
