// Host and Origin of any bytes; the first line of the input is the one, the second the other.
#include "holdfast/core/protocol/web_origin.h"

#include "holdfast/core/base/bytes.h"
#include "holdfast/core/base/check.h"
#include "holdfast/core/protocol/field_text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  using namespace holdfast::protocol;
  const std::string_view text = text_of({data, size});
  const std::string_view host = text.substr(0, text.find('\n'));
  const std::string_view origin = host.size() < text.size() ? text.substr(host.size() + 1) : std::string_view();
  const auto parsed = parse_host(host);
  if (parsed) {
    HF_CHECK(!parsed->name.empty() && parsed->port.find_first_not_of("0123456789") == std::string::npos);
    HF_CHECK(parsed->name.find_first_of(" /@,\"<>\\") == std::string::npos);
    HF_CHECK(host_is_ours(host, {parsed->name}) || parsed->name.ends_with('.'));
    HF_CHECK(parse_host(parsed->name)->name == parsed->name);
  }
  if (host_is_ours(host, {})) HF_CHECK(parsed.has_value());
  if (origin_is_ours(origin, host)) HF_CHECK(parsed && origin.find(parsed->port) != std::string_view::npos);
  if (trim(host) == host) HF_CHECK(origin_is_ours("http://" + std::string(host), host) == parsed.has_value());
  return 0;
}
