#include "holdfast/node/transfer/progress.h"

#include "holdfast/core/base/check.h"

namespace holdfast::transfer {

std::string_view to_string(Phase phase) {
  switch (phase) {
    case Phase::hashing:
      return "hashing";
    case Phase::asking:
      return "asking";
    case Phase::placing:
      return "placing";
    case Phase::sending:
      return "sending";
    case Phase::encoding:
      return "encoding";
    case Phase::pushing:
      return "pushing";
    case Phase::proving:
      return "proving";
    case Phase::verifying_part:
    case Phase::verifying:
      return "verifying";
    case Phase::receiving:
      return "receiving";
    case Phase::done:
      return "done";
  }
  HF_UNREACHABLE();
}

std::string_view to_string(Proof proof) {
  return proof == Proof::full ? "full" : "sample";
}

}  // namespace holdfast::transfer
