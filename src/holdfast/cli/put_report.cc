#include "holdfast/cli/put_report.h"

#include <cstdio>

#include <boost/json.hpp>

#include "holdfast/cli/progress_line.h"
#include "holdfast/cli/say.h"
#include "holdfast/cli/spool.h"

namespace holdfast::cli {
namespace {

namespace json = boost::json;

json::object to_json(const transfer::ViaHelper& via) {
  return {{"name", via.name},
          {"bytes_sent", via.bytes_sent},
          {"bytes_resent", via.bytes_resent},
          {"bytes_skipped", via.bytes_skipped},
          {"pieces_wrong", via.pieces_wrong},
          {"proof", transfer::to_string(via.proof)}};
}

json::object to_json(const transfer::UploadReport& report) {
  json::array servers, warnings;
  for (const auto& server : report.servers) {
    json::array shares;
    for (ShareNumber share : server.shares) shares.push_back(share);
    servers.push_back(
        {{"id", server.id}, {"name", server.name}, {"bytes_sent", server.bytes_sent}, {"shares", std::move(shares)}});
  }
  for (const auto& warning : report.warnings) warnings.push_back(json::string(warning));
  const bool told = report.via && !report.via->name.empty() && !report.via->proven;
  return {{"cap", report.cap},
          {"storage_index", report.storage_index},
          {"via", report.via ? json::value(to_json(*report.via)) : json::value(nullptr)},
          {"placement", told ? "told" : "proven"},
          {"file_bytes", report.file_bytes},
          {"share_bytes_total", report.share_bytes_total},
          {"bytes_sent", report.bytes_sent},
          {"bytes_resent", report.bytes_resent},
          {"bytes_skipped", report.bytes_skipped},
          {"cuts", report.cuts},
          {"shares_placed", report.shares_placed},
          {"shares_total", report.shares_total},
          {"happiness", report.happiness},
          {"happy", report.happy},
          {"servers", std::move(servers)},
          {"warnings", std::move(warnings)},
          {"seconds", report.seconds}};
}

json::object to_json(const transfer::UploadPlan& plan) {
  json::array placements;
  for (const auto& each : plan.placements) {
    placements.push_back({{"share", each.share},
                          {"server", each.server},
                          {"bytes_to_send", each.bytes_to_send},
                          {"bytes_held", each.bytes_held},
                          {"already_there", each.already_there}});
  }
  return {{"storage_index", plan.storage_index},
          {"bytes_to_send", plan.bytes_to_send},
          {"bytes_to_skip", plan.bytes_to_skip},
          {"happiness", plan.happiness},
          {"happy", plan.happy},
          {"servers_asked", plan.servers_asked},
          {"servers_answered", plan.servers_answered},
          {"placements", std::move(placements)}};
}

}  // namespace

std::string json_of(const transfer::UploadReport& report) {
  return json::serialize(to_json(report));
}

int print_plan(const transfer::UploadPlan& plan, bool as_json) {
  if (as_json) {
    say("{}\n", json::serialize(to_json(plan)));
  } else {
    say("would send {} and skip {} that are there\n", format_bytes(plan.bytes_to_send),
        format_bytes(plan.bytes_to_skip));
  }
  if (plan.enough) return kDone;
  say(stderr, "holdfast: {} of {} servers answered; that gives a happiness of {}, and {} is asked for\n",
      plan.servers_answered, plan.servers_asked, plan.happiness, plan.happy);
  return kUnavailable;
}

void print_summary(const transfer::UploadReport& report) {
  if (report.storage_index.empty()) {
    say(stderr, "the file is in the cap itself; no server has it\n");
    return;
  }
  const bool by_helper = report.via && !report.via->name.empty();
  if (by_helper) say(stderr, "through {}: ", report.via->name);
  say(stderr, "{} of {} shares placed, happiness {}; sent {} in {}", report.shares_placed, report.shares_total,
      report.happiness, format_bytes(report.bytes_sent), format_seconds(report.seconds));
  if (report.bytes_skipped > 0) say(stderr, ", {} were there already", format_bytes(report.bytes_skipped));
  if (report.via && report.via->pieces_wrong > 0) say(stderr, ", {} wrong pieces replaced", report.via->pieces_wrong);
  if (report.cuts > 0) say(stderr, ", {} broken connections gone on from", report.cuts);
  say(stderr, "\n");
}

int print_failure(const ClientNode& node, const Error& error, const std::string& path) {
  const bool spooled = is_spool(node.directory().transfers(), path);
  if (error.code == Errc::cancelled) {
    say(stderr, "stopped; what was sent is kept.{}\n", spooled ? "" : " The same command goes on.");
  } else {
    say(stderr, "{}\n", describe(error));
  }
  if (spooled) say(stderr, "What came through standard input is kept; `holdfast transfers resume` goes on with it.\n");
  return exit_code_of(error.code);
}

int print_not_handed_over(const ClientNode& node, const std::string& path) {
  const bool spooled = is_spool(node.directory().transfers(), path);
  say(stderr, "holdfast: {} is stored, but standard output does not take its cap.\n          {}\n",
      spooled ? "what came through standard input" : path,
      spooled ? "It is kept here too; `holdfast transfers resume` prints the cap." : "The same command prints it.");
  return kFailed;
}

}  // namespace holdfast::cli
