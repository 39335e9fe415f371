#include "holdfast/node/gateway/check_route.h"

#include <boost/json.hpp>

#include "holdfast/core/base/base32.h"
#include "holdfast/core/protocol/field_text.h"
#include "holdfast/node/transfer/check_json.h"
#include "holdfast/node/transfer/repairer.h"

namespace holdfast::gateway {
namespace {

constexpr io::Duration kNoProgressMax = std::chrono::minutes(5);

struct Wishes {
  bool verify = false, repair = false, add_lease = false;
};

Result<Wishes> read_wishes(const protocol::WebTarget& target) {
  Wishes out;
  const auto read = [&](std::string_view name, bool& into) -> Result<void> {
    const auto text = target.argument(name);
    if (!text) return {};
    HF_TRY(into, protocol::parse_web_boolean(*text));
    return {};
  };
  HF_TRY_VOID(read("verify", out.verify));
  HF_TRY_VOID(read("repair", out.repair));
  HF_TRY_VOID(read("add-lease", out.add_lease));
  const auto output = target.argument("output");
  if (output && !protocol::same_ignoring_case(*output, "json"))
    return fail(Errc::malformed, "output= can only be JSON");
  return out;
}

io::Task<void> answer_json(http::Exchange& exchange, const boost::json::object& body) {
  return answer_text(exchange, 200, boost::json::serialize(body));
}

}  // namespace

io::Task<void> check_file(SharedState& shared, WebRequest request) {
  const Result<Wishes> wishes = read_wishes(request.target);
  if (!wishes) co_return co_await answer_error(request.exchange, wishes.error());
  const cap::Cap cap = cap::parse_cap(request.target.segment(1));
  if (std::holds_alternative<cap::LitCap>(cap))
    co_return co_await answer_json(request.exchange, transfer::literal_check_json());
  const Result<cap::ChkVerifyCap> verify = transfer::verifiable(cap);
  if (!verify) co_return co_await answer_error(request.exchange, verify.error());
  const std::string si = holdfast::to_string(verify->storage_index);
  transfer::CheckOptions options;
  options.verify = wishes->verify;
  options.add_lease = wishes->add_lease;
  options.patience.give_up_after = kNoProgressMax;
  transfer::Progress progress;
  if (wishes->repair) {
    const auto repaired = co_await transfer::repair(shared.context, *verify, options, progress);
    if (!repaired) co_return co_await answer_error(request.exchange, repaired.error());
    co_return co_await answer_json(request.exchange, transfer::repair_json(*repaired, si));
  }
  const auto checked = co_await transfer::check(shared.context, *verify, options, progress);
  if (!checked) co_return co_await answer_error(request.exchange, checked.error());
  co_await answer_json(request.exchange, transfer::check_json(*checked, si));
}

}  // namespace holdfast::gateway
