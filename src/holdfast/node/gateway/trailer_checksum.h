// A checksum whose algorithm is told in the trailer, when all bytes have gone by (tus, checksum-trailer).
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "holdfast/core/crypto/running_checksum.h"

namespace holdfast::gateway {

/// All algorithms run along until one is chosen.
class TrailerChecksum final : public crypto::RunningChecksum {
 public:
  TrailerChecksum();
  void choose(std::string algorithm) { chosen_ = std::move(algorithm); }
  void update(ByteView bytes) override;
  /// Nothing when the algorithm is none of ours.
  Bytes finish() override;

 private:
  std::vector<std::pair<std::string, std::unique_ptr<crypto::RunningChecksum>>> running_;
  std::string chosen_;
};

}  // namespace holdfast::gateway
