// Every parser of a header field gets the same text; what it accepts prints to a field that means the same.
#include "holdfast/core/protocol/http_fields.h"

#include "holdfast/core/base/check.h"
#include "holdfast/core/protocol/base64.h"

namespace {

using namespace holdfast;
using namespace holdfast::protocol;

void check_ranges(std::string_view field) {
  if (const auto content = parse_content_range(field)) {
    HF_CHECK(!content->range.empty());
    HF_CHECK(!content->total || content->range.end <= *content->total);
    const auto again = parse_content_range(format_content_range(content->range, content->total));
    HF_CHECK(again && again->range == content->range && again->total == content->total);
  }
  if (const auto range = parse_range(field)) {
    HF_CHECK(!range->empty());
    HF_CHECK(parse_range(format_range(*range)) == *range);
  }
}

void check_secret(std::string_view field) {
  const auto secret = parse_secret_field(field);
  if (!secret) return;
  HF_CHECK(!secret->kind.empty() && !secret->secret.empty());
  const std::string canonical = format_secret_field(secret->kind, secret->secret);
  HF_CHECK(canonical.size() <= field.size());
  const auto again = parse_secret_field(canonical);
  HF_CHECK(again && again->kind == secret->kind && again->secret == secret->secret);
}

void check_resume(std::string_view field) {
  const auto resume = parse_resume_field(field);
  if (!resume) return;
  const auto again = parse_resume_field(format_resume_field(*resume));
  HF_CHECK(again && again->version == resume->version);
  HF_CHECK(again->retention_seconds == resume->retention_seconds && again->idle_seconds == resume->idle_seconds);
  HF_CHECK(again->matched == resume->matched);
}

void check_base64(std::string_view text) {
  if (const auto bytes = base64_decode(text)) HF_CHECK(base64_encode(*bytes) == text);
  if (const auto bytes = base64url_decode(text)) HF_CHECK(base64url_encode(*bytes) == text);
  HF_CHECK(base64_decode(base64_encode(view_of(text))) == to_bytes(text));
  HF_CHECK(base64url_decode(base64url_encode(view_of(text))) == to_bytes(text));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view field = text_of({data, size});
  check_ranges(field);
  check_secret(field);
  check_resume(field);
  check_base64(field);
  if (const auto number = parse_decimal(field)) {
    HF_CHECK(field.find_first_not_of("0123456789") == std::string_view::npos);
    HF_CHECK(field.ends_with(std::to_string(*number)));
  }
  if (is_cbor(field)) HF_CHECK(accepts_cbor(field.substr(0, field.find(';'))));
  HF_CHECK(accepts_cbor(std::string(field) + ", application/cbor"));
  return 0;
}
