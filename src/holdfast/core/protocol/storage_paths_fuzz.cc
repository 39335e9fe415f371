// Every immutable route that is found prints to a path that leads to the same place.
#include "holdfast/core/protocol/storage_paths.h"

#include "holdfast/core/base/check.h"

namespace {

using namespace holdfast;
using namespace holdfast::protocol;

std::string path_of(const Route& route) {
  const auto share = static_cast<ShareNumber>(route.share);
  switch (route.kind) {
    case RouteKind::version:
      return version_path();
    case RouteKind::lease:
      return lease_path(route.si);
    case RouteKind::allocate:
      return allocate_path(route.si);
    case RouteKind::list:
      return list_path(route.si);
    case RouteKind::share:
      return share_path(route.si, share);
    case RouteKind::abort:
      return abort_path(route.si, share);
    case RouteKind::corrupt:
      return corrupt_path(route.si, share);
    case RouteKind::resume_status:
      return resume_status_path(route.si);
    default:
      return {};  // nothing prints the mutable ones
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Route route = parse_route(text_of({data, size}));
  const std::string path = path_of(route);
  if (path.empty() || route.share >= kSharesMax) return 0;
  const Route again = parse_route(path);
  HF_CHECK(again.kind == route.kind && again.si == route.si && again.share == route.share);
  HF_CHECK(path.size() <= size);
  return 0;
}
