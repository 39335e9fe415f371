#include "holdfast/node/transfer/check_json.h"

#include <boost/json.hpp>

namespace holdfast::transfer {

namespace json = boost::json;

std::string summary(const CheckReport& report) {
  if (report.healthy) return "Healthy";
  return "Not Healthy: " + std::to_string(report.shares_good) + " shares (enc " + std::to_string(report.shares_needed) +
         "-of-" + std::to_string(report.shares_total) + ")";
}

json::object check_json(const CheckReport& report, const std::string& si) {
  json::array corrupt, incompatible, unknown, responding, without_lease;
  json::object sharemap;
  for (const ShareVerdict& each : report.shares) {
    const json::array entry{json::string(each.server), json::string(si), each.share};
    if (each.state == ShareVerdict::State::corrupt) corrupt.push_back(entry);
    if (each.state == ShareVerdict::State::incompatible) incompatible.push_back(entry);
    if (each.state == ShareVerdict::State::unknown) unknown.push_back(entry);
    if (each.state != ShareVerdict::State::good && each.state != ShareVerdict::State::present) continue;
    json::value& holders = sharemap[std::to_string(each.share)];
    if (holders.is_null()) holders = json::array();
    holders.as_array().push_back(json::string(each.server));
  }
  for (const std::string& id : report.responding) responding.push_back(json::string(id));
  for (const std::string& id : report.without_lease) without_lease.push_back(json::string(id));
  json::object results{{"healthy", report.healthy},
                       {"recoverable", report.recoverable},
                       {"count-happiness", report.happiness},
                       {"count-shares-good", report.shares_good},
                       {"count-shares-needed", report.shares_needed},
                       {"count-shares-expected", report.shares_total},
                       {"count-good-share-hosts", report.good_share_hosts},
                       {"count-corrupt-shares", corrupt.size()},
                       {"list-corrupt-shares", std::move(corrupt)},
                       {"count-incompatible-shares", incompatible.size()},
                       {"list-incompatible-shares", std::move(incompatible)},
                       {"count-unknown-shares", unknown.size()},
                       {"list-unknown-shares", std::move(unknown)},
                       {"servers-responding", std::move(responding)},
                       {"servers-without-lease", std::move(without_lease)},
                       {"sharemap", std::move(sharemap)},
                       {"count-wrong-shares", 0},
                       {"count-recoverable-versions", report.recoverable ? 1 : 0},
                       {"count-unrecoverable-versions", report.recoverable ? 0 : 1}};
  return {{"storage-index", si}, {"summary", summary(report)}, {"results", std::move(results)}};
}

json::object repair_json(const RepairReport& report, const std::string& si) {
  return {{"storage-index", si},
          {"repair-attempted", report.attempted},
          {"repair-successful", report.successful},
          {"count-shares-pushed", report.shares_pushed},
          {"pre-repair-results", check_json(report.before, si)},
          {"post-repair-results", check_json(report.after, si)}};
}

json::object literal_check_json() {
  return {{"storage-index", ""}, {"results", json::object{{"healthy", true}}}};
}

json::object literal_repair_json() {
  return {{"storage-index", ""},
          {"repair-attempted", false},
          {"repair-successful", true},
          {"count-shares-pushed", 0},
          {"pre-repair-results", literal_check_json()},
          {"post-repair-results", literal_check_json()}};
}

}  // namespace holdfast::transfer
