#include "holdfast/core/protocol/digest_fields.h"

#include <algorithm>

#include "holdfast/core/protocol/base64.h"
#include "holdfast/core/protocol/field_text.h"

namespace holdfast::protocol {
namespace {

constexpr std::size_t kFieldBytesMax = 4'096;

/// One member "key=:base64:" of the dictionary; parameters are passed over.
std::optional<FieldDigest> parse_member(std::string_view member) {
  FieldDigest out;
  out.algorithm = std::string(trim(take_until(member, '=')));
  if (!member.starts_with(':')) return std::nullopt;
  member.remove_prefix(1);
  const std::size_t end = member.find(':');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view behind = trim(member.substr(end + 1));
  const Result<Bytes> digest = base64_decode(member.substr(0, end));
  if (!digest || !(behind.empty() || behind.starts_with(';'))) return std::nullopt;
  out.digest = *digest;
  return out;
}

}  // namespace

std::optional<FieldDigest> parse_digest_field(std::string_view field) {
  if (field.size() > kFieldBytesMax) return std::nullopt;
  std::optional<FieldDigest> best;
  while (!trim(field).empty()) {
    std::optional<FieldDigest> member = parse_member(trim(take_until(field, ',')));
    if (!member) return std::nullopt;
    const bool known = (member->algorithm == "sha-256" && member->digest.size() == 32) ||
                       (member->algorithm == "sha-512" && member->digest.size() == 64);
    if (known && (!best || member->algorithm == "sha-256")) best = std::move(member);
  }
  return best;
}

std::string format_digest_field(ByteView sha256) {
  return "sha-256=:" + base64_encode(sha256) + ":";
}

bool wants_sha256(std::string_view field) {
  while (!field.empty()) {
    std::string_view member = trim(take_until(field, ','));
    const std::string_view key = trim(take_until(member, '='));
    if (same_ignoring_case(key, "sha-256")) return trim(member) != "0";
  }
  return false;
}

}  // namespace holdfast::protocol
