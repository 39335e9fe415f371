// holdfast status: which servers answer, how fast, with how much room.

#include <boost/json.hpp>

#include "holdfast/cli/commands.h"
#include "holdfast/cli/progress_line.h"
#include "holdfast/cli/say.h"
#include "holdfast/edge/io/task_group.h"

namespace holdfast::cli {
namespace {

namespace json = boost::json;

struct Row {
  grid::StorageServer* server = nullptr;
  Result<grid::VersionAnswer> answer = fail(Errc::cancelled, "");
  double milliseconds = 0;
};

io::Task<void> ask(io::Loop* loop, Row* row) {
  const io::Time start = loop->now();
  row->answer = co_await row->server->version();
  row->milliseconds = std::chrono::duration<double, std::milli>(loop->now() - start).count();
}

struct HelperRow {
  grid::UploadHelper* helper = nullptr;
  Result<protocol::HelperVersion> answer = fail(Errc::cancelled, "");
  double milliseconds = 0;
};

io::Task<void> ask_helper(io::Loop* loop, HelperRow* row) {
  const io::Time start = loop->now();
  row->answer = co_await row->helper->version();
  row->milliseconds = std::chrono::duration<double, std::milli>(loop->now() - start).count();
}

json::array show_helpers(const std::vector<HelperRow>& rows, bool as_json) {
  json::array list;
  for (const HelperRow& row : rows) {
    json::object each{{"name", row.helper->name()}, {"reachable", row.answer.has_value()}};
    if (row.answer) {
      each["milliseconds"] = row.milliseconds;
      each["available_bytes"] = row.answer->space;
      each["version"] = row.answer->application;
      if (!as_json) {
        say("{:<10} up    {:>7.1f} ms  {:>10} free  {}\n", row.helper->name(), row.milliseconds,
            format_bytes(row.answer->space), row.answer->application);
      }
    } else {
      each["problem"] = row.answer.error().what;
      if (!as_json) say("{:<10} down  {}\n", row.helper->name(), row.answer.error().what);
    }
    list.push_back(std::move(each));
  }
  return list;
}

}  // namespace

io::Task<int> run_status(World& world, GlobalOptions options) {
  ClientNode::Options client;
  client.helper = "auto";
  auto node = ClientNode::open(world, options.node_directory, std::move(client));
  if (!node) {
    say(stderr, "{}\n", describe(node.error()));
    co_return kFailed;
  }
  std::vector<Row> rows;
  for (grid::StorageServer* server : (*node)->context().servers) rows.emplace_back().server = server;
  io::TaskGroup group(co_await io::this_scope());
  for (Row& row : rows) group.spawn(ask(&world.loop, &row));
  std::vector<HelperRow> helpers;
  for (grid::UploadHelper* helper : (*node)->context().helpers) helpers.emplace_back().helper = helper;
  for (HelperRow& row : helpers) group.spawn(ask_helper(&world.loop, &row));
  co_await group.join();
  json::array list;
  std::size_t up = 0;
  for (const Row& row : rows) {
    json::object each{{"id", row.server->id()}, {"name", row.server->name()}, {"reachable", row.answer.has_value()}};
    if (row.answer) {
      ++up;
      each["milliseconds"] = row.milliseconds;
      each["available_bytes"] = row.answer->version.available_space;
      each["version"] = row.answer->version.application_version;
      each["resumes"] = row.answer->resumes;
      if (!options.json) {
        say("{:<10} up    {:>7.1f} ms  {:>10} free  {}{}\n", row.server->name(), row.milliseconds,
            format_bytes(row.answer->version.available_space), row.answer->version.application_version,
            row.answer->resumes ? "" : "  (does not keep partial uploads)");
      }
    } else {
      each["problem"] = row.answer.error().what;
      if (!options.json) say("{:<10} down  {}\n", row.server->name(), row.answer.error().what);
    }
    list.push_back(std::move(each));
  }
  json::array helper_list = show_helpers(helpers, options.json);
  if (options.json) {
    const json::object out{{"servers", std::move(list)}, {"helpers", std::move(helper_list)}};
    say("{}\n", json::serialize(out));
  } else {
    say("{} of {} servers answer\n", up, rows.size());
  }
  co_return up > 0 ? kDone : kUnavailable;
}

}  // namespace holdfast::cli
