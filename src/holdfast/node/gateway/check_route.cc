#include "holdfast/node/gateway/check_route.h"

#include <boost/json.hpp>

#include "holdfast/core/base/base32.h"
#include "holdfast/core/protocol/field_text.h"
#include "holdfast/edge/io/task_group.h"
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

/// Tells the work to stop when its client has left.
io::Task<void> look_at_client(SharedState* shared, const http::Exchange* exchange, io::CancelScope* work) {
  for (std::uint64_t looks = 0; looks < shared->limits.looks_before_leaving;) {
    const bool slept = co_await io::sleep_for(shared->limits.look);
    if (!slept) co_return;
    looks = exchange->client_finished() ? looks + 1 : 0;
  }
  work->cancel();
}

/// A check may take hours, and nobody else hears what it finds. A repair ends with it: what it has sent stays where it is, and the
/// next one goes on from there.
template <class T>
io::Task<Result<T>> while_client_stays(SharedState& shared, const http::Exchange& exchange, io::Task<Result<T>> work) {
  io::CancelScope& outer = co_await io::this_scope();
  io::CancelScope scope(outer);
  io::TaskGroup looking(outer);
  looking.spawn(look_at_client(&shared, &exchange, &scope));
  Result<T> out = co_await work.in(scope);
  looking.cancel();
  co_await looking.join();
  co_return out;
}

io::Task<Result<boost::json::object>> look_at_file(SharedState& shared, const http::Exchange& exchange,
                                                   cap::ChkVerifyCap cap, Wishes wishes) {
  const std::string si = holdfast::to_string(cap.storage_index);
  transfer::CheckOptions options;
  options.verify = wishes.verify;
  options.add_lease = wishes.add_lease;
  options.patience.give_up_after = kNoProgressMax;
  transfer::Progress progress;
  if (wishes.repair) {
    auto repairing = transfer::repair(shared.context, cap, options, progress);
    HF_CO_TRY(const auto repaired, co_await while_client_stays(shared, exchange, std::move(repairing)));
    co_return transfer::repair_json(repaired, si);
  }
  auto checking = transfer::check(shared.context, cap, options, progress);
  HF_CO_TRY(const auto checked, co_await while_client_stays(shared, exchange, std::move(checking)));
  co_return transfer::check_json(checked, si);
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
  const std::uint64_t units = wishes->verify || wishes->repair ? shared.limits.verify_counts_as : 1;
  if (!shared.checks.take(units)) {
    const Error busy{Errc::unavailable, "too many files are being checked"};
    co_return co_await answer_error(request.exchange, busy);
  }
  const auto found = co_await look_at_file(shared, request.exchange, *verify, *wishes);
  shared.checks.give_back(units);
  if (!found) co_return co_await answer_error(request.exchange, found.error());
  co_await answer_json(request.exchange, *found);
}

}  // namespace holdfast::gateway
