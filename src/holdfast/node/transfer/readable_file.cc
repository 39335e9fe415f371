#include "holdfast/node/transfer/readable_file.h"

#include <algorithm>
#include <utility>

namespace holdfast::transfer {

Result<cap::ChkReadCap> readable(const cap::Cap& cap) {
  const auto* read = std::get_if<cap::ChkReadCap>(&cap);
  if (read != nullptr && read->size == 0)
    return fail(Errc::malformed, "that cap speaks of 0 bytes; an empty file has the cap URI:LIT:");
  if (read != nullptr) return *read;
  if (std::holds_alternative<cap::ChkVerifyCap>(cap)) {
    return fail(Errc::unsupported, "a verify cap cannot decrypt; the read cap is needed");
  }
  return fail(Errc::malformed,
              "that is not the cap of a file (it begins with URI:CHK: or URI:LIT:); was it cut when it was copied?");
}

Result<std::uint64_t> size_of(const cap::Cap& cap) {
  if (const auto* literal = std::get_if<cap::LitCap>(&cap)) return literal->data.size();
  HF_TRY(const cap::ChkReadCap read, readable(cap));
  return read.size;
}

immutable::FileClaim claim_of(const cap::ChkReadCap& cap) {
  return {cap.ueb_hash, cap.k, cap.n, cap.size};
}

RunLength::RunLength(io::Loop& loop, std::uint64_t segment_size, std::uint64_t run_bytes_max)
    : loop_(loop), most_(std::clamp<std::uint64_t>(run_bytes_max / segment_size, 1, kSegmentsMax)), last_(loop.now()) {}

void RunLength::arrived() {
  const io::Duration took = loop_.now() - std::exchange(last_, loop_.now());
  slow_ = took > std::chrono::seconds(1);
  if (took < std::chrono::milliseconds(250)) length_ = std::min(length_ * 2, most_);
  if (slow_) length_ = std::max<SegmentNumber>(1, length_ / 2);
}

}  // namespace holdfast::transfer
