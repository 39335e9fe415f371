#include "holdfast/node/gateway/trailer_checksum.h"

namespace holdfast::gateway {

TrailerChecksum::TrailerChecksum() {
  for (const char* each : {"sha1", "sha256", "sha512", "md5", "crc32", "crc32c"})
    running_.emplace_back(each, crypto::make_running_checksum(each));
}

void TrailerChecksum::update(ByteView bytes) {
  for (auto& [name, sum] : running_) sum->update(bytes);
}

Bytes TrailerChecksum::finish() {
  for (auto& [name, sum] : running_) {
    if (name == chosen_) return sum->finish();
  }
  return {};
}

}  // namespace holdfast::gateway
