// Checksums that clients may name for what they send (tus, RFC 9530): against accidents, not against anybody.
#pragma once

#include <memory>
#include <string_view>

#include "holdfast/core/base/bytes.h"

namespace holdfast::crypto {

class RunningChecksum {
 public:
  virtual ~RunningChecksum() = default;
  virtual void update(ByteView bytes) = 0;
  /// Once, at the end. CRCs in big-endian order.
  virtual Bytes finish() = 0;
};

/// sha1, sha256, sha512, md5, crc32, crc32c; null for others.
std::unique_ptr<RunningChecksum> make_running_checksum(std::string_view algorithm);

}  // namespace holdfast::crypto
