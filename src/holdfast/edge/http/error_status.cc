#include "holdfast/edge/http/error_status.h"

namespace holdfast::http {

unsigned status_of(Errc code) {
  switch (code) {
    case Errc::malformed:
      return 400;
    case Errc::not_found:
      return 404;
    case Errc::conflict:
      return 409;
    case Errc::unsupported:
      return 413;
    case Errc::corrupt:
      return 422;
    case Errc::cancelled:
    case Errc::unavailable:
    case Errc::timeout:
      return 503;
    case Errc::no_space:
      return 507;
    default:
      return 500;
  }
}

}  // namespace holdfast::http
