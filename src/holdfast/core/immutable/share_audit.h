// What a storage server looks at before it accepts a resumed share: is it consistent in itself?
// (storage protocol 11.7)
#pragma once

#include <functional>
#include <optional>
#include <variant>

#include "holdfast/core/immutable/share_layout.h"

namespace holdfast::immutable {

/// Fills `out` with the share's bytes at `offset`.
using ShareBytesAt = std::function<Result<void>(std::uint64_t offset, MutableByteView out)>;

struct AuditPassed {};
struct AuditOpaque {};  // not a CHK share: nothing to be checked against
struct AuditFailed {
  RangeSet wrong;       // what must be sent again
};
using AuditVerdict = std::variant<AuditPassed, AuditOpaque, AuditFailed>;

/// Header, UEB, both trees, the chain to the share root at this number, and every block against its leaf. The unused
/// plaintext tree is not looked at. Reads each block once, in pieces of at most 1 MiB, and each hash two or three times;
/// holds no tree, so that memory does not grow with the share.
/// Errors: those of `read` only.
Result<AuditVerdict> audit_share(std::uint64_t share_size, ShareNumber share, const ShareBytesAt& read);

}  // namespace holdfast::immutable
