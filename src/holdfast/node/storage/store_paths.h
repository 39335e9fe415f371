// Where shares and partial uploads lie below the storage directory (storage-server.md 1 and 8).
#pragma once

#include <optional>
#include <string>

#include "holdfast/core/base/ids.h"

namespace holdfast::storage {

class StorePaths {
 public:
  explicit StorePaths(std::string storage_directory) : root_(std::move(storage_directory)) {}

  const std::string& root() const { return root_; }
  std::string shares() const { return root_ + "/shares"; }
  std::string incoming() const { return shares() + "/incoming"; }
  std::string bucket(const StorageIndex& si) const;
  std::string share(const StorageIndex& si, ShareNumber number) const;
  std::string incoming_bucket(const StorageIndex& si) const;
  /// Without ".part" or ".log": <n>.<first 16 characters of the at-rest id>.
  std::string upload(const StorageIndex& si, ShareNumber number, const Hash& at_rest_id) const;
  std::string advisories() const { return root_ + "/corruption-advisories"; }
  std::string lock() const { return root_ + "/.lock"; }
  std::string collector_state() const { return root_ + "/holdfast-collector.state"; }

 private:
  std::string root_;
};

/// "7" -> 7; nothing for what is no share's name or above 255.
std::optional<ShareNumber> share_number_of(std::string_view name);

/// Of a directory of buckets: two characters of base32.
bool is_prefix_name(std::string_view name);

}  // namespace holdfast::storage
