// holdfast check, verify, repair: the health of a file on the grid.

#include <boost/json.hpp>
#include <cstdio>

#include "holdfast/cli/commands.h"
#include "holdfast/cli/progress_line.h"
#include "holdfast/cli/say.h"
#include "holdfast/core/base/base32.h"
#include "holdfast/node/transfer/check_json.h"
#include "holdfast/node/transfer/repairer.h"

namespace holdfast::cli {
namespace {

namespace json = boost::json;
using transfer::CheckReport;
using transfer::ShareVerdict;

std::string_view to_string(ShareVerdict::State state) {
  switch (state) {
    case ShareVerdict::State::present:
      return "present";
    case ShareVerdict::State::good:
      return "good";
    case ShareVerdict::State::corrupt:
      return "corrupt";
    case ShareVerdict::State::incompatible:
      return "incompatible";
    case ShareVerdict::State::unknown:
      break;
  }
  return "unknown";
}

std::string name_of(const ClientNode& node, const std::string& id) {
  for (const grid::StorageServer* server : node.context().servers) {
    if (server->id() == id) return server->name();
  }
  return id;
}

void print_text(const ClientNode& node, const CheckReport& report, const std::string& si) {
  say("Summary: {}\n storage index: {}\n good-shares: {} (encoding is {}-of-{}), on {} servers, happiness {}\n",
      transfer::summary(report), si, report.shares_good, report.shares_needed, report.shares_total,
      report.good_share_hosts, report.happiness);
  say(" servers: {} of {} answered{}\n", report.responding.size(), report.servers_known,
      report.verified ? "; every byte was verified" : "; they were believed (verify reads every byte)");
  for (const ShareVerdict& each : report.shares) {
    if (each.state == ShareVerdict::State::good || each.state == ShareVerdict::State::present) continue;
    say(" share {} on {}: {}: {}\n", each.share, name_of(node, each.server), to_string(each.state), each.reason);
  }
  if (!report.healthy && report.recoverable) say("`holdfast repair CAP` makes the missing shares again.\n");
  if (!report.recoverable) say("Too few shares are left to get the file back while the other servers are away.\n");
}

int exit_code_of_error(const Error& error, std::string_view what) {
  if (error.code == Errc::cancelled) {
    say(stderr, "{} was stopped\n", what);
  } else {
    say(stderr, "{}\n", describe(error));
  }
  return exit_code_of(error.code);
}

/// False: there is one, whose shares may be collected once the old leases are over.
bool all_took_leases(const ClientNode& node, const CheckReport& report) {
  for (const std::string& id : report.without_lease)
    say(stderr, "warning: {} did not take the lease; its shares may be collected\n", name_of(node, id));
  return report.without_lease.empty();
}

int print_repair(const ClientNode& node, const transfer::RepairReport& report, const std::string& si, bool as_json) {
  if (as_json) {
    say("{}\n", json::serialize(transfer::repair_json(report, si)));
  } else if (!report.attempted) {
    say("nothing to repair\n");
    print_text(node, report.before, si);
  } else {
    say("{}: {} shares were pushed\n", report.successful ? "repaired" : "repaired in part", report.shares_pushed);
    print_text(node, report.after, si);
  }
  for (const std::string& warning : report.warnings) say(stderr, "warning: {}\n", warning);
  const bool kept = all_took_leases(node, report.after);
  return report.successful && kept ? kDone : kFailed;
}

}  // namespace

io::Task<int> run_check(World& world, GlobalOptions options, CheckWishes wishes) {
  auto node = ClientNode::open(world, options.node_directory, {});
  if (!node) co_return exit_code_of_error(node.error(), "check");
  const cap::Cap cap = cap::parse_cap(wishes.cap);
  if (std::holds_alternative<cap::LitCap>(cap)) {
    const json::object report = wishes.repair ? transfer::literal_repair_json() : transfer::literal_check_json();
    say("{}\n", options.json ? json::serialize(report) : "Summary: Healthy (a literal cap is the file itself)");
    co_return kDone;
  }
  const Result<cap::ChkVerifyCap> verify = transfer::verifiable(cap);
  if (!verify) co_return exit_code_of_error(verify.error(), "check");
  transfer::CheckOptions check_options;
  check_options.verify = wishes.verify;
  check_options.add_lease = wishes.add_lease;
  if (wishes.timeout_seconds) check_options.patience.give_up_after = std::chrono::seconds(*wishes.timeout_seconds);
  transfer::Progress progress;
  Result<CheckReport> checked = fail(Errc::cancelled, "");
  Result<transfer::RepairReport> repaired = fail(Errc::cancelled, "");
  {
    const ProgressDisplay display(world.loop, progress, wishes.progress);
    if (wishes.repair) {
      repaired = co_await transfer::repair((*node)->context(), *verify, check_options, progress);
    } else {
      checked = co_await transfer::check((*node)->context(), *verify, check_options, progress);
    }
  }
  const std::string si = to_string(verify->storage_index);
  if (wishes.repair) {
    if (!repaired) co_return exit_code_of_error(repaired.error(), "repair");
    co_return print_repair(**node, *repaired, si, options.json);
  }
  if (!checked) co_return exit_code_of_error(checked.error(), "check");
  if (options.json) {
    say("{}\n", json::serialize(transfer::check_json(*checked, si)));
  } else {
    print_text(**node, *checked, si);
  }
  const bool kept = all_took_leases(**node, *checked);
  const bool good = checked->healthy && kept;
  co_return good ? kDone : kFailed;
}

}  // namespace holdfast::cli
