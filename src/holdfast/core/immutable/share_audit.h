// What a storage server looks at before it accepts a resumed share: is it consistent in itself?
// (storage protocol 11.7)
#pragma once

#include <functional>
#include <optional>
#include <variant>

#include "holdfast/core/immutable/arriving_blocks.h"
#include "holdfast/core/immutable/share_layout.h"

namespace holdfast::immutable {

/// Fills `out` with the share's bytes at `offset`.
using ShareBytesAt = std::function<Result<void>(std::uint64_t offset, MutableByteView out)>;

struct AuditPassed {};
/// Nothing to be checked against: not a CHK share, or one whose extension block leaves out the parameters. A planted header
/// or tail does not get through here: both are what the client itself sent, or its PATCH was refused (11.7).
struct AuditOpaque {};
struct AuditFailed {
  RangeSet wrong;  // what must be sent again
};
using AuditVerdict = std::variant<AuditPassed, AuditOpaque, AuditFailed>;

/// Header, UEB, both trees, the chain to the share root at this number, and every block against its leaf. The unused
/// plaintext tree is not looked at. Reads each block once, in pieces of at most 1 MiB, and each hash two or three times;
/// holds no tree, so that memory does not grow with the share. Blocks that are `known` are not read; those that are read
/// become known. Errors: those of `read` only.
Result<AuditVerdict> audit_share(std::uint64_t share_size, ShareNumber share, const ShareBytesAt& read,
                                 ArrivingBlocks* known = nullptr);

}  // namespace holdfast::immutable
