#include "holdfast/node/gateway/refusals.h"

#include "holdfast/edge/http/error_status.h"

namespace holdfast::gateway {

using End = AppendOutcome::End;

unsigned status_of_creation(Errc code) {
  return code == Errc::unavailable ? 429 : http::status_of(code);
}

unsigned status_of(End end) {
  switch (end) {
    case End::length_mismatch:
    case End::too_long:
    case End::malformed:
    case End::wrong_checksum:
      return 400;
    case End::is_final:
      return 403;
    case End::offset_mismatch:
    case End::whole_already:
    case End::needed:
      return 409;
    case End::too_large:
      return 413;
    case End::wrong_digest:
      return 422;
    case End::superseded:
      return 503;
    case End::no_space:
      return 507;
    default:
      return 500;
  }
}

io::Task<void> answer_refusal(http::Exchange& exchange, const AppendOutcome& outcome, http::Headers headers) {
  const bool length = outcome.end == End::length_mismatch || outcome.end == End::too_long;
  const bool offset = outcome.end == End::offset_mismatch;
  const char* type = offset ? "mismatching-upload-offset" : length ? "inconsistent-upload-length" : "";
  return answer_problem(exchange, status_of(outcome.end), type, outcome.what, std::move(headers));
}

}  // namespace holdfast::gateway
