// Whatever is asked for, what is understood of it lies inside the target and is of the closed set.
#include "holdfast/core/base/check.h"
#include "holdfast/core/protocol/helper_paths.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  using namespace holdfast::protocol;
  const std::string_view target = text_of(ByteView{data, size});
  const HelperRoute route = parse_helper_route(target);
  if (route.kind == HelperRouteKind::file) HF_CHECK(target.starts_with(helper_file_path(route.si)));
  if (route.kind == HelperRouteKind::upload) HF_CHECK(target.starts_with(helper_upload_path(route.token)));
  HF_CHECK(route.token.empty() || target.find(route.token) != std::string_view::npos);
  HF_CHECK(route.kind == HelperRouteKind::upload || (!route.digests && !route.piece && !route.first && !route.count));
  return 0;
}
