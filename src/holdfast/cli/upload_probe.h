// Does what stands between clients and a gateway let uploads go on? Tried with a small upload that is broken in the middle.
#pragma once

#include <string>
#include <vector>

#include "holdfast/core/base/result.h"

namespace holdfast::cli {

struct ProbeFinding {
  enum class Verdict { fine, note, problem } verdict = Verdict::fine;
  std::string what;    // a sentence
  std::string advice;  // what to change; empty when nothing
};
struct ProbeReport {
  std::vector<ProbeFinding> findings;
  bool good() const;
};

/// Blocking, some seconds. `url`: of the gateway as its clients see it. `token`: access token, or empty. Errors: malformed (no
/// such URL), unavailable (nobody answers there, with the reason), unsupported (it is no gateway; libcurl is not
/// installed).
Result<ProbeReport> probe_uploads(std::string url, const std::string& token);

}  // namespace holdfast::cli
