// holdfast transfers: uploads that have a journal, so are not finished.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "holdfast/cli/commands.h"
#include "holdfast/cli/progress_line.h"
#include "holdfast/cli/spool.h"
#include "holdfast/core/base/base32.h"
#include "holdfast/edge/io/task_group.h"
#include "holdfast/node/transfer/helper_holdings.h"
#include "holdfast/node/transfer/unfinished.h"

namespace holdfast::cli {
namespace {

namespace json = boost::json;
using transfer::UnfinishedUpload;
using HelperState = protocol::HelperState;

constexpr io::Duration kHelperSilence = std::chrono::seconds(5);

/// What the helpers of the node say of one upload; in their order.
using Holdings = std::vector<std::optional<HelperState>>;

io::Task<void> look_up(const transfer::Context* context, const UnfinishedUpload* upload, Holdings* out) {
  if (!upload->journal) co_return;
  *out = co_await transfer::ask_helpers(*context, *upload->journal, transfer::random_client_id(context->random),
                                        kHelperSilence);
}

io::Task<std::vector<Holdings>> look_up_all(const transfer::Context& context,
                                            const std::vector<UnfinishedUpload>& uploads) {
  std::vector<Holdings> out(uploads.size());
  io::TaskGroup group(co_await io::this_scope());
  for (std::size_t i = 0; i < uploads.size(); ++i) group.spawn(look_up(&context, &uploads[i], &out[i]));
  co_await group.join();
  co_return out;
}

bool holds_nothing(const HelperState& state) {
  return state.kind == HelperState::Kind::receiving && state.upload.empty();
}

json::object to_json(const std::string& helper, const std::optional<HelperState>& state) {
  json::object out{{"name", helper}, {"reachable", state.has_value()}};
  if (!state) return out;
  out["state"] = holds_nothing(*state) ? "nothing" : to_string(state->kind);
  out["held_bytes"] = state->offset;
  out["done_bytes"] = state->done_bytes;
  out["total_bytes"] = state->total_bytes;
  return out;
}

/// A line for people; none when the helper has nothing to do with it.
std::string line_of(const std::optional<HelperState>& state) {
  if (!state) return "does not answer";
  switch (state->kind) {
    case HelperState::Kind::receiving:
      if (holds_nothing(*state)) return "";
      return "holds " + format_bytes(state->offset) + (state->busy ? ", and more is coming in" : "");
    case HelperState::Kind::repairing:
    case HelperState::Kind::encoding:
    case HelperState::Kind::pushing:
      return fmt::format("has all of it, and is {} ({} of {})", to_string(state->kind), format_bytes(state->done_bytes),
                         format_bytes(state->total_bytes));
    case HelperState::Kind::present:
    case HelperState::Kind::done:
      return "has put it in the grid; the same put proves it and prints the cap";
    case HelperState::Kind::failed:
      return "has given up: " + state->reason;
  }
  return "";
}

void print_list(const std::vector<UnfinishedUpload>& uploads, const std::vector<Holdings>& holdings,
                const std::vector<grid::UploadHelper*>& helpers, bool as_json) {
  json::array list;
  for (std::size_t at = 0; at < uploads.size(); ++at) {
    const UnfinishedUpload& each = uploads[at];
    const Holdings& held = holdings[at];
    const bool readable = each.journal.has_value();
    const std::string name = !readable                             ? "(damaged journal)"
                             : is_spool(each.journal->source.path) ? "(standard input)"
                                                                   : each.journal->source.path;
    if (as_json) {
      json::object row{{"id", each.id}, {"readable", readable}};
      if (readable) {
        row["file"] = each.journal->source.path;
        row["file_bytes"] = each.journal->source.size;
        row["storage_index"] = to_string(each.journal->storage_index);
        row["proof"] = transfer::to_string(each.journal->proof);
        row["started"] = each.journal->started_wall_seconds;
        row["source_unchanged"] = each.source_unchanged;
        json::array& told = (row["helpers"] = json::array()).as_array();
        for (std::size_t i = 0; i < held.size(); ++i) told.push_back(to_json(helpers[i]->name(), held[i]));
      }
      list.push_back(std::move(row));
    } else if (readable) {
      fmt::print("{}  {:>10}  {:%Y-%m-%d %H:%M}  {}{}\n", each.id, format_bytes(each.journal->source.size),
                 fmt::localtime(static_cast<std::time_t>(each.journal->started_wall_seconds)), name,
                 each.source_unchanged ? "" : "  (changed or gone since)");
      for (std::size_t i = 0; i < held.size(); ++i) {
        const std::string line = line_of(held[i]);
        if (!line.empty()) fmt::print("    {} {}\n", helpers[i]->name(), line);
      }
    } else {
      fmt::print("{}  {}\n", each.id, name);
    }
  }
  if (as_json) {
    fmt::print("{}\n", json::serialize(json::object{{"uploads", std::move(list)}}));
  } else if (uploads.empty()) {
    fmt::print("no unfinished uploads\n");
  } else {
    fmt::print("`holdfast transfers resume` goes on with them; `holdfast transfers cancel ID` gives one up.\n");
  }
}

/// The uploads named, or all of them. Errors: not_found for an id that is not there.
Result<std::vector<UnfinishedUpload>> choose(std::vector<UnfinishedUpload> all, const std::vector<std::string>& ids) {
  if (ids.empty()) return all;
  std::vector<UnfinishedUpload> out;
  for (const std::string& id : ids) {
    const auto it = std::ranges::find(all, id, &UnfinishedUpload::id);
    if (it == all.end())
      return fail(Errc::not_found, "there is no unfinished upload " + id + "; `holdfast transfers` lists them");
    out.push_back(*it);
  }
  return out;
}

io::Task<int> resume_all(World& world, ClientNode& node, const GlobalOptions& options,
                         const std::vector<UnfinishedUpload>& uploads, const TransfersWishes& wishes) {
  int worst = kDone;
  for (const UnfinishedUpload& each : uploads) {
    if (!each.journal || !each.source_unchanged) {
      fmt::print(stderr,
                 "{}: its file has changed or is gone; `holdfast transfers cancel {}` drops what servers hold\n",
                 each.id, each.id);
      worst = std::max<int>(worst, kFailed);
      continue;
    }
    const int code = co_await resume_put(world, node, options, *each.journal, wishes.prove, wishes.progress);
    worst = std::max(worst, code);
    if (code == kInterrupted) break;
  }
  co_return worst;
}

io::Task<int> cancel(ClientNode& node, const UnfinishedUpload& upload) {
  const Result<unsigned> dropped = co_await transfer::cancel_upload(node.context(), upload.journal_path);
  if (!dropped) {
    fmt::print(stderr, "{}\n", describe(dropped.error()));
    co_return exit_code_of(dropped.error().code);
  }
  if (upload.journal && is_spool(upload.journal->source.path)) {
    static_cast<void>(node.context().files.unlink(upload.journal->source.path));
  }
  fmt::print("{}: given up; {} partial shares were dropped by their servers\n", upload.id, *dropped);
  co_return kDone;
}

}  // namespace

io::Task<int> run_transfers(World& world, GlobalOptions options, TransfersWishes wishes) {
  ClientNode::Options client;
  client.helper = "auto";
  auto node = ClientNode::open(world, options.node_directory, std::move(client));
  if (!node) {
    fmt::print(stderr, "{}\n", describe(node.error()));
    co_return kFailed;
  }
  Result<std::vector<UnfinishedUpload>> all = transfer::list_unfinished((*node)->context());
  if (all) all = choose(std::move(*all), wishes.ids);
  if (!all) {
    fmt::print(stderr, "{}\n", describe(all.error()));
    co_return all.error().code == Errc::not_found ? kUsage : kFailed;
  }
  if (wishes.action == "list") {
    const transfer::Context& context = (*node)->context();
    const std::vector<Holdings> holdings = co_await look_up_all(context, *all);
    print_list(*all, holdings, context.helpers, options.json);
    co_return kDone;
  }
  if (wishes.action == "resume") co_return co_await resume_all(world, **node, options, *all, wishes);
  if (wishes.action == "cancel" && wishes.ids.empty()) {
    fmt::print(stderr, "holdfast: which one? `holdfast transfers` lists them\n");
    co_return kUsage;
  }
  int worst = kDone;
  for (const UnfinishedUpload& each : *all) {
    if (wishes.action == "clean" && each.source_unchanged) continue;
    const int code = co_await cancel(**node, each);
    worst = std::max(worst, code);
  }
  if (wishes.action == "clean") clean_spools((*node)->context().files, (*node)->directory().transfers(), *all);
  co_return worst;
}

}  // namespace holdfast::cli
