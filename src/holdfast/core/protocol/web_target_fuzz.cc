// A URL that is understood is within its limits and all of it is UTF-8; written again, it means the same.
#include "holdfast/core/protocol/web_target.h"

#include "holdfast/core/base/bytes.h"
#include "holdfast/core/base/check.h"
#include "holdfast/core/protocol/percent.h"
#include "holdfast/core/protocol/utf8.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  using namespace holdfast::protocol;
  const auto target = parse_web_target(text_of({data, size}));
  if (!target) {
    HF_CHECK(target.error().code == Errc::malformed);
    return 0;
  }
  HF_CHECK(target->path.size() <= kPathSegmentsMax && target->arguments.size() <= kArgumentsMax);
  HF_CHECK(!target->trailing_slash || !target->path.empty());
  std::string again = target->path.empty() ? "/" : "";
  for (const std::string& segment : target->path) {
    HF_CHECK(!segment.empty() && is_utf8(segment));
    again += "/" + percent_encode(segment);
  }
  if (target->trailing_slash) again += "/";
  for (std::size_t i = 0; i < target->arguments.size(); ++i) {
    const auto& [name, value] = target->arguments[i];
    HF_CHECK(is_utf8(name) && is_utf8(value));
    HF_CHECK(target->argument(name).has_value());
    again += (i == 0 ? "?" : "&") + percent_encode(name) + "=" + percent_encode(value);
    static_cast<void>(parse_web_boolean(value));
  }
  const auto second = parse_web_target(again);
  HF_CHECK(second && second->path == target->path && second->trailing_slash == target->trailing_slash);
  HF_CHECK(second->arguments == target->arguments);
  return 0;
}
