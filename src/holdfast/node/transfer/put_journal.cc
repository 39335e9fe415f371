#include "holdfast/node/transfer/put_journal.h"

#include "holdfast/core/base/base32.h"
#include "holdfast/core/base/endian.h"
#include "holdfast/core/crypto/crc32c.h"
#include "holdfast/core/crypto/sha256.h"

namespace holdfast::transfer {
namespace {

// docs/formats/put-journal.md: magic, fixed fields, path, digests, CRC-32C of everything before it.
constexpr std::string_view kMagic = "HFPUTJ02";
constexpr std::size_t kFixedBytes = 8 + 5 * 8 + 3 * 4 + 2 * 8 + 1 + 16 + 16 + 8 + 4 + 8;
constexpr std::size_t kPathBytesMax = 16'384;
constexpr std::uint64_t kRandomKey = 1, kSampleProof = 2;  // bits of the mode

class Reader {
 public:
  explicit Reader(ByteView bytes) : bytes_(bytes) {}
  std::uint64_t number(std::size_t width) {
    const std::uint64_t value = load_be(bytes_, at_, width);
    at_ += width;
    return value;
  }
  ByteView take(std::size_t count) {
    const ByteView out = bytes_.subspan(at_, count);
    at_ += count;
    return out;
  }
  std::size_t left() const { return bytes_.size() - at_; }

 private:
  ByteView bytes_;
  std::size_t at_ = 0;
};

}  // namespace

Bytes encode(const PutJournal& journal) {
  Bytes out = to_bytes(kMagic);
  const SourceIdentity& source = journal.source;
  for (std::uint64_t value : {source.size, static_cast<std::uint64_t>(source.mtime_ns),
                              static_cast<std::uint64_t>(source.ctime_ns), source.inode, source.device}) {
    append_be(out, 8, value);
  }
  for (unsigned value : {journal.k, journal.happy, journal.n}) append_be(out, 4, value);
  append_be(out, 8, journal.segment_bytes_max);
  append_be(out, 8, journal.segment_bytes);
  append_be(
      out, 1,
      (journal.key_mode == KeyMode::random ? kRandomKey : 0) + (journal.proof == Proof::sample ? kSampleProof : 0));
  append(out, journal.key.view());
  append(out, journal.storage_index.view());
  append_be(out, 8, static_cast<std::uint64_t>(journal.started_wall_seconds));
  append_be(out, 4, source.path.size());
  append_be(out, 8, journal.piece_digests.size());
  append(out, source.path);
  for (const Hash& digest : journal.piece_digests) append(out, digest.view());
  append_be(out, 4, crypto::crc32c(out));
  return out;
}

Result<PutJournal> decode_put_journal(ByteView bytes) {
  if (bytes.size() < kFixedBytes + 4 || !equal(bytes.first(kMagic.size()), view_of(kMagic))) {
    return fail(Errc::malformed, "not an upload journal");
  }
  const ByteView content = bytes.first(bytes.size() - 4);
  if (load_be(bytes, content.size(), 4) != crypto::crc32c(content)) {
    return fail(Errc::malformed, "a damaged upload journal");
  }
  Reader in(content.subspan(kMagic.size()));
  PutJournal journal;
  journal.source.size = in.number(8);
  journal.source.mtime_ns = static_cast<std::int64_t>(in.number(8));
  journal.source.ctime_ns = static_cast<std::int64_t>(in.number(8));
  journal.source.inode = in.number(8);
  journal.source.device = in.number(8);
  journal.k = static_cast<unsigned>(in.number(4));
  journal.happy = static_cast<unsigned>(in.number(4));
  journal.n = static_cast<unsigned>(in.number(4));
  journal.segment_bytes_max = in.number(8);
  journal.segment_bytes = in.number(8);
  const std::uint64_t mode = in.number(1);
  journal.key = cap::Key::from(in.take(cap::Key::kSize));
  journal.storage_index = StorageIndex::from(in.take(StorageIndex::kSize));
  journal.started_wall_seconds = static_cast<std::int64_t>(in.number(8));
  const std::uint64_t path_bytes = in.number(4);
  const std::uint64_t digests = in.number(8);
  if (mode > kRandomKey + kSampleProof || path_bytes > kPathBytesMax || path_bytes > in.left() ||
      (in.left() - path_bytes) % Hash::kSize != 0 || digests != (in.left() - path_bytes) / Hash::kSize) {
    return fail(Errc::malformed, "an upload journal that contradicts itself");
  }
  journal.key_mode = (mode & kRandomKey) != 0 ? KeyMode::random : KeyMode::convergent;
  journal.proof = (mode & kSampleProof) != 0 ? Proof::sample : Proof::full;
  journal.source.path = std::string(text_of(in.take(path_bytes)));
  journal.piece_digests.reserve(digests);
  for (std::uint64_t i = 0; i < digests; ++i) journal.piece_digests.push_back(Hash::from(in.take(Hash::kSize)));
  return journal;
}

std::string put_journal_path(const std::string& directory, const std::string& source_path,
                             const UploadOptions& options) {
  const std::string what = std::to_string(options.k) + "," + std::to_string(options.n) + "," +
                           std::to_string(options.segment_bytes_max) +
                           (options.key_mode == KeyMode::random ? ",random," : ",convergent,") + source_path;
  const Hash hash = crypto::sha256(view_of(what));
  return directory + "/put-" + base32_encode(hash.view().first(10)) + ".journal";
}

}  // namespace holdfast::transfer
