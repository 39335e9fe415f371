#include "holdfast/node/gateway/status_routes.h"

#include <algorithm>
#include <boost/json.hpp>

#include "holdfast/core/base/metrics_text.h"

namespace holdfast::gateway {
namespace {

namespace json = boost::json;
using State = UploadHandle::State;

constexpr std::size_t kUploadsShown = 1'000, kShortIdCharacters = 8;

std::string connection_of(const NodeStatus::Peer& peer) {
  if (peer.connected) return "Connected";
  return peer.problem.empty() ? "Not connected" : "Not connected: " + peer.problem;
}

json::array servers_json(const StatusDesk& desk) {
  json::array out;
  for (const grid::StorageServer* server : desk.shared.context.servers) {
    const auto it = desk.status.servers().find(server->id());
    const NodeStatus::Peer peer = it == desk.status.servers().end() ? NodeStatus::Peer{} : it->second;
    json::object each{{"nodeid", server->id()},     {"nickname", server->name()},
                      {"version", peer.version},    {"connection_status", connection_of(peer)},
                      {"available_space", nullptr}, {"last_received_data", nullptr}};
    if (peer.connected) each["available_space"] = peer.space;
    if (peer.heard_wall != 0) each["last_received_data"] = peer.heard_wall;
    out.push_back(std::move(each));
  }
  return out;
}

json::array helpers_json(const StatusDesk& desk) {
  json::array out;
  for (const auto& [name, peer] : desk.status.helpers()) {
    json::object each{{"name", name},
                      {"version", peer.version},
                      {"connection_status", connection_of(peer)},
                      {"available_space", nullptr}};
    if (peer.connected) each["available_space"] = peer.space;
    out.push_back(std::move(each));
  }
  return out;
}

json::object upload_json(const UploadHandle& handle, const StatusDesk& desk) {
  const io::Loop& loop = desk.shared.context.loop;
  const unsigned total = desk.uploads->options().shape.n;
  // Of the name of an upload, which its client may have chosen, nothing is told.
  const std::string id = to_hex(crypto::sha256(view_of(handle.upload->name())).view());
  json::object out{{"id", id.substr(0, kShortIdCharacters)},
                   {"state", handle.told_state()},
                   {"offset", handle.offset()},
                   {"length", nullptr},
                   {"shares_stored", handle.state == State::committed ? total : handle.progress.shares_placed},
                   {"shares_total", total},
                   {"sending", handle.upload->turn != nullptr},
                   {"age_seconds", loop.wall_seconds() - handle.upload->log.creation.created_wall}};
  if (const auto length = handle.length()) out["length"] = *length;
  if (handle.state == State::waiting) out["note"] = handle.note;
  if (handle.result) {
    out["size"] = handle.result->size;
    out["seconds"] = handle.result->seconds;
  }
  return out;
}

json::object status_json(const StatusDesk& desk) {
  json::object out{{"introducers", json::object{{"statuses", json::array()}}},
                   {"servers", servers_json(desk)},
                   {"helpers", helpers_json(desk)},
                   {"version", desk.version},
                   {"active", json::array()}};
  json::array open_ones, recent;
  if (desk.uploads != nullptr) {
    for (const auto& [name, handle] : desk.uploads->all()) {
      if (open_ones.size() + recent.size() == kUploadsShown) break;
      const bool over = handle->has_ended() || handle->state == State::committed;
      (over ? recent : open_ones).push_back(upload_json(*handle, desk));
    }
    out["spool_bytes"] = desk.uploads->store().bytes_held();
    out["spool_space"] = desk.uploads->store().space();
  }
  out["uploads"] = std::move(open_ones);
  out["recent"] = std::move(recent);
  return out;
}

void add_upload_metrics(MetricsText& out, const UploadHandles& uploads) {
  const uploads::StoreCounters& store = uploads.store().counters();
  const HandleCounters& handles = uploads.counters();
  std::map<State, std::uint64_t> states;
  for (const auto& [name, handle] : uploads.all()) ++states[handle->state];
  out.gauge("uploads_receiving", "Uploads that are not whole yet", states[State::receiving]);
  out.gauge("uploads_committing", "Whole ones on their way to the grid", states[State::committing]);
  out.gauge("uploads_waiting", "Whole ones that are tried again later", states[State::waiting]);
  out.gauge("spool_bytes", "Bytes held in the spool", uploads.store().bytes_held());
  out.gauge("spool_space_bytes", "Bytes that may still be sent", uploads.store().space());
  out.counter("uploads_created_total", "Uploads begun", handles.created);
  out.counter("uploads_committed_total", "Uploads stored in the grid and proven", handles.committed);
  out.counter("uploads_committed_bytes_total", "Their bytes", handles.committed_bytes);
  out.counter("uploads_failed_total", "Uploads that failed", handles.failed);
  out.counter("uploads_cancelled_total", "Uploads that were cancelled", handles.cancelled);
  out.counter("uploads_expired_total", "Uploads to which nothing came", store.expired);
  out.counter("uploads_resumed_total", "Times an upload went on behind a request that broke off", store.resumed);
  out.counter("uploads_resumed_bytes_total", "Bytes held at those times, not sent again", store.bytes_resumed);
  out.counter("received_bytes_total", "Bytes received", store.bytes_received);
  out.counter("takeovers_total", "Requests that were ended by a newer one", store.takeovers);
  out.counter("pieces_replaced_total", "Pieces that were wrong and were sent again", store.pieces_replaced);
  out.counter("bodies_broken_total", "Requests cut in the middle of their body", handles.broken_bodies);
  out.counter("bytes_proven_later_total", "Bytes of broken requests with a checksum that were proven later",
              handles.bytes_proven_later);
  out.counter("slow_senders_total", "Requests that brought too little for too long", handles.slow_senders);
  out.counter("offset_mismatches_total", "Requests with an offset that was not the next one", handles.mismatches);
  out.counter("digest_mismatches_total", "Files that were not what was announced", handles.digest_mismatches);
  out.counter("commit_failures_total", "Attempts to store that failed and are tried again", handles.commit_failures);
  out.counter("commit_seconds_total", "Time spent storing", handles.commit_seconds);
  out.counter("syncs_total", "Syncs of the spool", store.syncs);
  out.counter("sync_failures_total", "Syncs that failed", store.sync_failures);
}

std::string metrics_text(const StatusDesk& desk) {
  MetricsText out("holdfast_gateway_");
  const GatewayCounters& gateway = desk.shared.counters;
  out.counter("requests_total", "Requests", gateway.requests);
  out.counter("requests_wrong_host_total", "Requests for a name that is not ours", gateway.refused_hosts);
  out.counter("requests_wrong_origin_total", "Requests of pages of other sites", gateway.refused_origins);
  out.counter("requests_without_token_total", "Requests without the access token", gateway.refused_tokens);
  out.counter("download_bytes_total", "Verified bytes sent to clients", gateway.bytes_sent);
  out.counter("downloads_broken_total", "Downloads broken off because the grid failed", gateway.broken_off);
  out.counter("downloads_left_total", "Downloads that their client left", gateway.clients_left);
  out.counter("segments_fetched_total", "Segments fetched from the grid", gateway.segments_fetched);
  out.counter("segments_cached_total", "Segments that were there", gateway.segments_from_cache);
  const auto& servers = desk.status.servers();
  const auto connected = std::ranges::count_if(servers, [](const auto& each) { return each.second.connected; });
  out.gauge("servers_known", "Storage servers known", desk.shared.context.servers.size());
  out.gauge("servers_connected", "Of them, those that answer", connected);
  if (desk.uploads != nullptr) add_upload_metrics(out, *desk.uploads);
  return out.take();
}

io::Task<void> answer_status(const StatusDesk& desk, WebRequest request) {
  co_await desk.status.refresh();
  co_await answer(request.exchange, 200, {}, json::serialize(status_json(desk)) + "\n", "application/json");
}

io::Task<void> answer_metrics(const StatusDesk& desk, WebRequest request) {
  co_await desk.status.refresh();
  co_await answer(request.exchange, 200, {}, metrics_text(desk), "text/plain; version=0.0.4");
}

}  // namespace

void add_status_routes(RouteTable& routes, const StatusDesk& desk) {
  const RouteHandler status = [&desk](WebRequest request) { return answer_status(desk, request); };
  const RouteHandler metrics = [&desk](WebRequest request) { return answer_metrics(desk, request); };
  const RouteHandler* page = routes.find("", "GET");
  const RouteHandler root = [&desk, page = page != nullptr ? *page : RouteHandler()](WebRequest request) {
    if (request.target.argument("t") == "json") return answer_status(desk, request);
    return page ? page(request) : answer_text(request.exchange, 404, "there is no page here");
  };
  routes.add("", "GET", root);
  routes.add("status", "GET", status);
  routes.add("metrics", "GET", metrics);
}

}  // namespace holdfast::gateway
