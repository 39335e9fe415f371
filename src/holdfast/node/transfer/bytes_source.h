// The body of a write that lies in memory.
#pragma once

#include <utility>

#include "holdfast/node/grid/storage_server.h"

namespace holdfast::transfer {

class BytesSource final : public grid::ByteSource {
 public:
  /// The bytes must outlive it.
  explicit BytesSource(ByteView bytes) : bytes_(bytes) {}
  std::uint64_t length() const override { return bytes_.size(); }
  io::Task<Result<ByteView>> next() override { co_return std::exchange(left_, false) ? bytes_ : ByteView(); }

 private:
  const ByteView bytes_;
  bool left_ = true;
};

}  // namespace holdfast::transfer
