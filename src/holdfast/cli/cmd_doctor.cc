#include "holdfast/cli/cmd_doctor.h"

#include <boost/json.hpp>
#include <cstdio>

#include "holdfast/cli/say.h"
#include "holdfast/cli/upload_probe.h"
#include "holdfast/core/protocol/field_text.h"

namespace holdfast::cli {
namespace {

namespace json = boost::json;
using Verdict = ProbeFinding::Verdict;

constexpr std::size_t kTokenBytesMax = 4'096;

std::string_view word_of(Verdict verdict) {
  return verdict == Verdict::fine ? "fine" : verdict == Verdict::note ? "note" : "problem";
}

Result<ProbeReport> probe(World& world, const DoctorWishes& wishes) {
  std::string token;
  if (!wishes.token_file.empty()) {
    HF_TRY(const Bytes bytes, io::read_file(world.files, wishes.token_file, kTokenBytesMax));
    std::string_view text = text_of(bytes);
    while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
    token = std::string(protocol::trim(text));
  }
  return probe_uploads(wishes.url, token);
}

}  // namespace

int run_doctor_upload(World& world, const GlobalOptions& options, const DoctorWishes& wishes) {
  const Result<ProbeReport> report = probe(world, wishes);
  if (!report) {
    say(stderr, "{}\n", describe(report.error()));
    return exit_code_of(report.error().code);
  }
  if (options.json) {
    json::array findings;
    for (const ProbeFinding& each : report->findings)
      findings.push_back(
          json::object{{"verdict", word_of(each.verdict)}, {"what", each.what}, {"advice", each.advice}});
    say("{}\n", json::serialize(json::object{{"good", report->good()}, {"findings", std::move(findings)}}));
  } else {
    for (const ProbeFinding& each : report->findings) {
      say("{:<8} {}\n", word_of(each.verdict), each.what);
      if (!each.advice.empty()) say("         {}\n", each.advice);
    }
  }
  return report->good() ? kDone : kFailed;
}

}  // namespace holdfast::cli
