#include "holdfast/node/transfer/readable_file.h"

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

}  // namespace holdfast::transfer
