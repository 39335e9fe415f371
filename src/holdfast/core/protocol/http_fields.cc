#include "holdfast/core/protocol/http_fields.h"

#include <algorithm>
#include <limits>

#include "holdfast/core/protocol/base64.h"
#include "holdfast/core/protocol/field_text.h"

namespace holdfast::protocol {
namespace {

/// "a-b" with both ends, b inclusive.
Result<Range> parse_span(std::string_view text) {
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) return fail(Errc::malformed, "a range needs a first and a last byte");
  const auto first = parse_decimal(text.substr(0, dash));
  const auto last = parse_decimal(text.substr(dash + 1));
  if (!first || !last || *first > *last || *last == std::numeric_limits<std::uint64_t>::max()) {
    return fail(Errc::malformed, "not a range of bytes");
  }
  return Range{*first, *last + 1};
}

std::string format_span(Range range) {
  return std::to_string(range.begin) + "-" + std::to_string(range.end - 1);
}

bool excluded(std::string_view parameters) {
  while (!parameters.empty()) {
    const std::string_view parameter = trim(take_until(parameters, ';'));
    if (parameter.size() >= 3 && lower_case(parameter[0]) == 'q' && parameter[1] == '=') {
      const std::string_view value = parameter.substr(2);
      return value.find_first_not_of("0.") == std::string_view::npos;
    }
  }
  return false;
}

}  // namespace

std::optional<std::uint64_t> parse_decimal(std::string_view text) {
  if (text.empty() || text.size() > 20) return std::nullopt;
  std::uint64_t value = 0;
  for (char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (value > (std::numeric_limits<std::uint64_t>::max() - digit) / 10) return std::nullopt;
    value = value * 10 + digit;
  }
  return value;
}

Result<ContentRange> parse_content_range(std::string_view field) {
  constexpr std::string_view kUnit = "bytes ";
  if (!field.starts_with(kUnit)) return fail(Errc::malformed, "Content-Range must be in bytes");
  std::string_view rest = field.substr(kUnit.size());
  if (rest.find('/') == std::string_view::npos) return fail(Errc::malformed, "Content-Range without a total or *");
  HF_TRY(const Range range, parse_span(take_until(rest, '/')));
  if (rest == "*") return ContentRange{range, std::nullopt};
  const auto total = parse_decimal(rest);
  if (!total || range.end > *total) return fail(Errc::malformed, "Content-Range with an impossible total");
  return ContentRange{range, total};
}

std::string format_content_range(Range range, std::optional<std::uint64_t> total) {
  return "bytes " + format_span(range) + "/" + (total ? std::to_string(*total) : "*");
}

Result<Range> parse_range(std::string_view field) {
  constexpr std::string_view kUnit = "bytes=";
  if (!field.starts_with(kUnit)) return fail(Errc::malformed, "Range must be in bytes");
  return parse_span(field.substr(kUnit.size()));
}

std::string format_range(Range range) {
  return "bytes=" + format_span(range);
}

std::string authorization_value(std::string_view swissnum) {
  return "Tahoe-LAFS " + base64_encode(view_of(swissnum));
}

Result<SecretField> parse_secret_field(std::string_view field) {
  const std::size_t space = field.find(' ');
  if (space == std::string_view::npos || space == 0) return fail(Errc::malformed, "a secret needs a kind and a value");
  HF_TRY(Bytes secret, base64_decode(trim(field.substr(space + 1))));
  if (secret.empty()) return fail(Errc::malformed, "an empty secret");
  return SecretField{std::string(field.substr(0, space)), std::move(secret)};
}

std::string format_secret_field(std::string_view kind, ByteView secret) {
  return std::string(kind) + " " + base64_encode(secret);
}

namespace {

/// "0.3.7"; what is not a share number is passed over.
std::set<ShareNumber> parse_share_list(std::string_view text) {
  std::set<ShareNumber> out;
  while (!text.empty()) {
    const auto number = parse_decimal(take_until(text, '.'));
    if (number && *number < kSharesMax) out.insert(static_cast<ShareNumber>(*number));
  }
  return out;
}

}  // namespace

Result<ResumeField> parse_resume_field(std::string_view field) {
  ResumeField out;
  const auto version = parse_decimal(trim(take_until(field, ';')));
  if (!version) return fail(Errc::malformed, "Tahoe-Resume without a version");
  out.version = *version;
  while (!field.empty()) {
    std::string_view value = trim(take_until(field, ';'));
    const std::string_view name = trim(take_until(value, '='));
    if (name == "retention") out.retention_seconds = parse_decimal(trim(value));
    if (name == "idle") out.idle_seconds = parse_decimal(trim(value));
    if (name == "matched") out.matched = parse_share_list(trim(value));
  }
  return out;
}

std::string format_resume_field(const ResumeField& field) {
  std::string out = std::to_string(field.version);
  if (field.retention_seconds) out += "; retention=" + std::to_string(*field.retention_seconds);
  if (field.idle_seconds) out += "; idle=" + std::to_string(*field.idle_seconds);
  for (ShareNumber share : field.matched)
    out += (share == *field.matched.begin() ? "; matched=" : ".") + std::to_string(share);
  return out;
}

bool accepts_cbor(std::optional<std::string_view> accept) {
  if (!accept || trim(*accept).empty()) return true;
  // The most specific entry decides (RFC 9110, 12.5.1): "application/cbor;q=0, */*" is a refusal.
  int decides = 0;
  bool admitted = false;
  std::string_view rest = *accept;
  while (!rest.empty()) {
    std::string_view entry = take_until(rest, ',');
    const std::string_view type = trim(take_until(entry, ';'));
    const int specific = same_ignoring_case(type, "application/cbor") ? 3
                         : same_ignoring_case(type, "application/*")  ? 2
                         : type == "*/*"                              ? 1
                                                                      : 0;
    if (specific == 0 || specific < decides) continue;
    admitted = (specific == decides && admitted) || !excluded(entry);
    decides = specific;
  }
  return admitted;
}

bool is_cbor(std::optional<std::string_view> content_type) {
  if (!content_type) return true;
  return same_ignoring_case(trim(take_until(*content_type, ';')), "application/cbor");
}

}  // namespace holdfast::protocol
