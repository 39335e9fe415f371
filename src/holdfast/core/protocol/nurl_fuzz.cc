// A NURL that is understood has one canonical text, which names the same server and is as short as a NURL may
// be.
#include "holdfast/core/protocol/nurl.h"

#include "holdfast/core/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  using namespace holdfast::protocol;
  const auto nurl = parse_nurl(text_of({data, size}));
  if (!nurl) {
    HF_CHECK(nurl.error().code == Errc::malformed || nurl.error().code == Errc::unsupported);
    return 0;
  }
  HF_CHECK(nurl->port != 0 && !nurl->host.empty() && nurl->host.size() <= 253);
  HF_CHECK(!nurl->swissnum.empty() && nurl->swissnum.size() <= 128);
  const std::string canonical = to_string(*nurl);
  HF_CHECK(canonical.find_first_of(" \t\r\n") == std::string::npos);
  const auto again = parse_nurl(canonical);
  HF_CHECK(again && *again == *nurl);
  HF_CHECK(to_string(*again) == canonical);
  return 0;
}
