#include "holdfast/node/storage/store_paths.h"

#include "holdfast/core/base/base32.h"
#include "holdfast/core/protocol/http_fields.h"

namespace holdfast::storage {

std::string StorePaths::bucket(const StorageIndex& si) const {
  const std::string text = to_string(si);
  return shares() + "/" + text.substr(0, 2) + "/" + text;
}

std::string StorePaths::share(const StorageIndex& si, ShareNumber number) const {
  return bucket(si) + "/" + std::to_string(number);
}

std::string StorePaths::incoming_bucket(const StorageIndex& si) const {
  const std::string text = to_string(si);
  return incoming() + "/" + text.substr(0, 2) + "/" + text;
}

std::string StorePaths::upload(const StorageIndex& si, ShareNumber number, const Hash& at_rest_id) const {
  return incoming_bucket(si) + "/" + std::to_string(number) + "." + base32_encode(at_rest_id.view()).substr(0, 16);
}

std::optional<ShareNumber> share_number_of(std::string_view name) {
  if (name.size() > 1 && name.front() == '0') return std::nullopt;
  const auto number = protocol::parse_decimal(name);
  if (!number || *number >= kSharesMax) return std::nullopt;
  return static_cast<ShareNumber>(*number);
}

bool is_prefix_name(std::string_view name) {
  return name.size() == 2 && name.find_first_not_of("abcdefghijklmnopqrstuvwxyz234567") == std::string_view::npos;
}

}  // namespace holdfast::storage
