#include "holdfast/core/base/result.h"

#include "holdfast/core/base/check.h"

namespace holdfast {

std::string_view to_string(Errc code) {
  switch (code) {
    case Errc::malformed:
      return "malformed";
    case Errc::corrupt:
      return "corrupt";
    case Errc::not_found:
      return "not_found";
    case Errc::conflict:
      return "conflict";
    case Errc::unauthorized:
      return "unauthorized";
    case Errc::not_permitted:
      return "not_permitted";
    case Errc::not_enough_shares:
      return "not_enough_shares";
    case Errc::unhappy:
      return "unhappy";
    case Errc::no_space:
      return "no_space";
    case Errc::unavailable:
      return "unavailable";
    case Errc::timeout:
      return "timeout";
    case Errc::unsupported:
      return "unsupported";
    case Errc::cancelled:
      return "cancelled";
    case Errc::io:
      return "io";
    case Errc::changed:
      return "changed";
  }
  HF_UNREACHABLE();
}

}  // namespace holdfast
