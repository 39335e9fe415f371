// SHA-256 of files whose bytes went through this gateway: it can be told when they are read (resumable-upload.md 3.6).
#pragma once

#include <deque>
#include <map>
#include <optional>

#include "holdfast/core/base/ids.h"

namespace holdfast::gateway {

/// By file_id_of, the hash of the verify cap: what is remembered opens nothing. The oldest are forgotten.
class KnownDigests {
 public:
  explicit KnownDigests(std::size_t files_max) : files_max_(files_max) {}

  void add(const Hash& file, const Hash& sha256) {
    if (!digests_.emplace(file, sha256).second) return;
    in_order_.push_back(file);
    if (in_order_.size() <= files_max_) return;
    digests_.erase(in_order_.front());
    in_order_.pop_front();
  }
  std::optional<Hash> of(const Hash& file) const {
    const auto it = digests_.find(file);
    return it == digests_.end() ? std::nullopt : std::optional(it->second);
  }

 private:
  const std::size_t files_max_;
  std::map<Hash, Hash> digests_;
  std::deque<Hash> in_order_;  // oldest first
};

}  // namespace holdfast::gateway
