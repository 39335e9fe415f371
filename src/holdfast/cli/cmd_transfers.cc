// holdfast transfers: uploads that have a journal or a spool, so are not finished.
#include <fmt/chrono.h>

#include <algorithm>
#include <boost/json.hpp>

#include "holdfast/cli/commands.h"
#include "holdfast/cli/progress_line.h"
#include "holdfast/cli/say.h"
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

/// With a spool there may be no journal, and what a journal says of the file need not be so any more: it is hashed again.
struct Unfinished : UnfinishedUpload {
  std::optional<Spool> spool;

  bool readable() const { return spool || journal; }
  bool can_go_on() const { return spool || source_unchanged; }
  const std::string& file() const { return spool ? spool->path : journal->source.path; }
  std::uint64_t file_bytes() const { return spool ? spool->bytes : journal->source.size; }
  std::int64_t started() const {
    return journal ? journal->started_wall_seconds : spool ? spool->whole_wall_seconds : 0;
  }
  transfer::UploadOptions options() const {
    if (!journal) return spool->options;
    transfer::UploadOptions out;
    out.k = journal->k;
    out.happy = journal->happy;
    out.n = journal->n;
    out.segment_bytes_max = journal->segment_bytes_max;
    out.key_mode = journal->key_mode;
    out.proof = journal->proof;
    return out;
  }
};

/// Oldest first.
Result<std::vector<Unfinished>> list_all(const ClientNode& node) {
  const transfer::Context& context = node.context();
  HF_TRY(std::vector<UnfinishedUpload> journals, transfer::list_unfinished(context));
  HF_TRY(std::vector<Spool> spools, list_spools(context.files, node.directory().transfers()));
  std::vector<Unfinished> out;
  for (Spool& spool : spools) {
    Unfinished& each = out.emplace_back();
    each.journal_path = transfer::put_journal_path(context.journal_directory, spool.path, spool.options);
    each.id = transfer::upload_id(each.journal_path);
    each.spool = std::move(spool);
  }
  for (UnfinishedUpload& upload : journals) {
    // A spool is one upload, whatever journals there are of it.
    const auto of = std::ranges::find_if(out, [&](const Unfinished& each) {
      return each.spool && (each.id == upload.id || (upload.journal && upload.journal->source.path == each.file()));
    });
    if (of == out.end()) {
      out.push_back({std::move(upload), std::nullopt});
    } else if (of->id == upload.id) {
      static_cast<UnfinishedUpload&>(*of) = std::move(upload);
    }
  }
  std::ranges::sort(out, {}, &Unfinished::started);
  return out;
}

/// What the helpers of the node say of one upload; in their order.
using Holdings = std::vector<std::optional<HelperState>>;

io::Task<void> look_up(const transfer::Context* context, const Unfinished* upload, Holdings* out) {
  if (!upload->journal) co_return;
  *out = co_await transfer::ask_helpers(*context, *upload->journal, transfer::random_client_id(context->random),
                                        kHelperSilence);
}

io::Task<std::vector<Holdings>> look_up_all(const transfer::Context& context, const std::vector<Unfinished>& uploads) {
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

void print_list(const ClientNode& node, const std::vector<Unfinished>& uploads, const std::vector<Holdings>& holdings,
                const std::vector<grid::UploadHelper*>& helpers, bool as_json) {
  json::array list;
  for (std::size_t at = 0; at < uploads.size(); ++at) {
    const Unfinished& each = uploads[at];
    const Holdings& held = holdings[at];
    if (as_json) {
      json::object row{{"id", each.id}, {"readable", each.readable()}};
      if (each.readable()) {
        row["file"] = each.file();
        row["file_bytes"] = each.file_bytes();
        row["storage_index"] =
            each.journal ? json::value(to_string(each.journal->storage_index)) : json::value(nullptr);
        row["proof"] = transfer::to_string(each.options().proof);
        row["started"] = each.started();
        row["source_unchanged"] = each.can_go_on();
        json::array& told = (row["helpers"] = json::array()).as_array();
        for (std::size_t i = 0; i < held.size(); ++i) told.push_back(to_json(helpers[i]->name(), held[i]));
      }
      list.push_back(std::move(row));
    } else if (each.readable()) {
      const bool spooled = is_spool(node.directory().transfers(), each.file());
      say("{}  {:>10}  {:%Y-%m-%d %H:%M}  {}{}\n", each.id, format_bytes(each.file_bytes()),
          fmt::localtime(static_cast<std::time_t>(each.started())), spooled ? "(standard input)" : each.file(),
          each.can_go_on() ? "" : "  (changed or gone since)");
      for (std::size_t i = 0; i < held.size(); ++i) {
        const std::string line = line_of(held[i]);
        if (!line.empty()) say("    {} {}\n", helpers[i]->name(), line);
      }
    } else {
      say("{}  (damaged journal)\n", each.id);
    }
  }
  if (as_json) {
    say("{}\n", json::serialize(json::object{{"uploads", std::move(list)}}));
  } else if (uploads.empty()) {
    say("no unfinished uploads\n");
  } else {
    say("`holdfast transfers resume` goes on with them; `holdfast transfers cancel ID` gives one up.\n");
  }
}

/// The uploads named, or all of them. Errors: not_found for an id that is not there.
Result<std::vector<Unfinished>> choose(std::vector<Unfinished> all, const std::vector<std::string>& ids) {
  if (ids.empty()) return all;
  std::vector<Unfinished> out;
  for (const std::string& id : ids) {
    const auto it = std::ranges::find(all, id, &Unfinished::id);
    if (it == all.end())
      return fail(Errc::not_found, "there is no unfinished upload " + id + "; `holdfast transfers` lists them");
    out.push_back(*it);
  }
  return out;
}

int print_failure(const std::string& id, const Error& error) {
  say(stderr, "{}: {}\n", id, describe(error));
  return exit_code_of(error.code);
}

/// Nothing to hold unless there is a spool.
Result<HeldSpool> hold(const ClientNode& node, const Unfinished& upload) {
  if (!upload.spool) return HeldSpool();
  return hold_spool(node.context().files, upload.spool->path);
}

io::Task<int> resume(World& world, ClientNode& node, const GlobalOptions& options, const Unfinished& upload,
                     const TransfersWishes& wishes) {
  const Result<HeldSpool> held = hold(node, upload);
  if (!held) co_return print_failure(upload.id, held.error());
  const int code =
      co_await resume_put(world, node, options, upload.file(), upload.options(), wishes.prove, wishes.line);
  if (code == kDone && upload.spool) static_cast<void>(world.files.unlink(upload.spool->path));
  co_return code;
}

io::Task<int> resume_all(World& world, ClientNode& node, const GlobalOptions& options,
                         const std::vector<Unfinished>& uploads, const TransfersWishes& wishes) {
  int worst = kDone;
  for (const Unfinished& each : uploads) {
    if (!each.can_go_on()) {
      say(stderr, "{}: its file has changed or is gone; `holdfast transfers cancel {}` drops what servers hold\n",
          each.id, each.id);
      worst = std::max<int>(worst, kFailed);
      continue;
    }
    const int code = co_await resume(world, node, options, each, wishes);
    worst = std::max(worst, code);
    if (code == kInterrupted) break;
  }
  co_return worst;
}

io::Task<int> cancel(ClientNode& node, const Unfinished& upload) {
  io::FileSystem& files = node.context().files;
  const Result<HeldSpool> held = hold(node, upload);
  if (!held) co_return print_failure(upload.id, held.error());
  Result<transfer::Aborted> dropped = co_await transfer::cancel_upload(node.context(), upload.journal_path);
  // A spool need not have a journal.
  if (!dropped && upload.spool && dropped.error().code == Errc::not_found) dropped = transfer::Aborted{};
  if (!dropped) co_return print_failure(upload.id, dropped.error());
  if (upload.spool) static_cast<void>(files.unlink(upload.spool->path));
  say("{}: given up; {} partial shares were dropped by their servers\n", upload.id, dropped->shares);
  if (dropped->silent_servers > 0)
    say("{}: {} servers did not answer; what they hold of it they drop by themselves in a while\n", upload.id,
        dropped->silent_servers);
  co_return kDone;
}

}  // namespace

io::Task<int> run_transfers(World& world, GlobalOptions options, TransfersWishes wishes) {
  if (wishes.line.window && wishes.action != "resume") {
    say(stderr, "holdfast: --window is for `transfers resume`\n");
    co_return kUsage;
  }
  ClientNode::Options client;
  client.limit_bytes_per_second = wishes.line.limit_rate;
  client.helper = "auto";
  auto node = ClientNode::open(world, options.node_directory, std::move(client));
  if (!node) {
    say(stderr, "{}\n", describe(node.error()));
    co_return kFailed;
  }
  Result<std::vector<Unfinished>> all = list_all(**node);
  if (all) all = choose(std::move(*all), wishes.ids);
  if (!all) {
    say(stderr, "{}\n", describe(all.error()));
    co_return all.error().code == Errc::not_found ? kUsage : kFailed;
  }
  if (wishes.action == "list") {
    const transfer::Context& context = (*node)->context();
    const std::vector<Holdings> holdings = co_await look_up_all(context, *all);
    print_list(**node, *all, holdings, context.helpers, options.json);
    co_return kDone;
  }
  if (wishes.action == "resume") co_return co_await resume_all(world, **node, options, *all, wishes);
  if (wishes.action == "cancel" && wishes.ids.empty()) {
    say(stderr, "holdfast: which one? `holdfast transfers` lists them\n");
    co_return kUsage;
  }
  int worst = kDone;
  for (const Unfinished& each : *all) {
    if (wishes.action == "clean" && each.can_go_on()) continue;
    const int code = co_await cancel(**node, each);
    worst = std::max(worst, code);
  }
  if (wishes.action == "clean") clean_spools((*node)->context().files, (*node)->directory().transfers());
  co_return worst;
}

}  // namespace holdfast::cli
