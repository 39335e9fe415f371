// What the helper has given up, kept for its operator: what it was, why, and when.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "holdfast/core/base/bytes.h"
#include "holdfast/core/base/result.h"

namespace holdfast::helper {

struct GivenUp {
  std::string id;  // of the job
  std::uint64_t size = 0;
  std::string reason;
  std::int64_t wall_seconds = 0;
  friend bool operator==(const GivenUp&, const GivenUp&) = default;
};

/// The last ones, oldest first, each upload once. A file of JSON; only this helper writes it.
class GivenUpList {
 public:
  static constexpr std::size_t kMax = 100, kReasonBytesMax = 500;
  static constexpr std::size_t kFileBytesMax = 1'048'576;

  void add(GivenUp one);
  bool contains(std::string_view id) const;
  /// False when it is not there.
  bool remove(std::string_view id);
  const std::vector<GivenUp>& items() const { return items_; }

  friend bool operator==(const GivenUpList&, const GivenUpList&) = default;

 private:
  std::vector<GivenUp> items_;
};

Bytes encode(const GivenUpList& list);
/// Errors: malformed.
Result<GivenUpList> decode_given_up(ByteView bytes);

}  // namespace holdfast::helper
