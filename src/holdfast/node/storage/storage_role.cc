#include "holdfast/node/storage/storage_role.h"

#include "holdfast/core/base/metrics_text.h"

namespace holdfast::storage {

StorageRole::~StorageRole() = default;

io::Task<Result<std::unique_ptr<StorageRole>>> StorageRole::start(io::AsioLoop& loop, ShareStore::World world,
                                                                  RoleOptions options) {
  std::unique_ptr<StorageRole> role(new StorageRole(world, std::move(options)));
  StorageRole* self = role.get();
  co_await role->collector_.open();  // the store gives leases when it opens, by the clock that this restores
  HF_CO_TRY_VOID(co_await role->store_.open());
  HF_CO_TRY(http::TlsServerContext tls, http::TlsServerContext::create(role->options_.node_pem));
  role->tls_.emplace(std::move(tls));
  http::Server::Options listen;
  listen.host = role->options_.host;
  listen.port = role->options_.port;
  listen.listen_fd = role->options_.listen_fd;
  listen.tls = &*role->tls_;
  HF_CO_TRY(role->server_,
            http::Server::listen(loop, listen,
                                 make_storage_handler(role->store_, role->routes_, role->options_.swissnum,
                                                      role->options_.application_version),
                                 world.log));
  if (role->options_.admin_port) {
    http::Server::Options admin;
    admin.port = *role->options_.admin_port;
    http::Handler handler = [self](http::Exchange& exchange) -> io::Task<void> {
      http::ResponseHead head;
      head.status = exchange.request().target == "/metrics" ? 200 : 404;
      head.headers.add("Content-Type", "text/plain; version=0.0.4");
      const std::string body = head.status == 200 ? self->metrics() : "see /metrics\n";
      static_cast<void>(co_await exchange.respond(std::move(head), view_of(body)));
    };
    HF_CO_TRY(role->admin_, http::Server::listen(loop, admin, std::move(handler), world.log));
  }
  co_return role;
}

io::Task<void> StorageRole::serve() {
  {
    io::TaskGroup group(co_await io::this_scope());
    group.spawn(server_->serve());
    if (admin_ != nullptr) group.spawn(admin_->serve());
    group.spawn(store_.tend());
    group.spawn(collector_.run());
    co_await group.join();
  }
  co_await store_.flush();
}

std::string StorageRole::metrics() const {
  MetricsText out("holdfast_storage_");
  const ShareStore::Gauges gauges = store_.gauges();
  const StoreCounters& store = store_.counters();
  const http::ServerCounters& server = server_->counters();
  out.gauge("partial_active", "Incomplete uploads in progress", gauges.active);
  out.gauge("partial_active_bytes", "Bytes they hold", gauges.active_bytes);
  out.gauge("partial_dormant", "Incomplete uploads kept for their uploader", gauges.dormant);
  out.gauge("partial_dormant_bytes", "Bytes they hold", gauges.dormant_bytes);
  out.gauge("available_bytes", "Free space less the reservation", store_.available());
  out.counter("resumed_uploads_total", "Uploads that went on where they broke", store.resumed_uploads);
  out.counter("resumed_bytes_saved_total", "Bytes they did not send again", store.bytes_saved);
  out.counter("partial_evictions_total", "Dormant uploads deleted for room", store.evictions);
  out.counter("partial_expired_total", "Incomplete uploads deleted for age", store.expired);
  out.counter("audit_failures_total", "Resumed shares with bytes that had to be sent again", store.audit_failures);
  out.counter("audit_read_bytes_total", "Bytes of complete uploads that were read back to be checked",
              store.audit_read_bytes);
  out.counter("conflicts_total", "Writes that differ from bytes held", store.conflicts);
  out.counter("shares_completed_total", "Shares received whole", store.shares_completed);
  out.counter("written_bytes_total", "Share bytes written", store.bytes_written);
  out.counter("syncs_total", "Group commits", store.syncs);
  out.counter("sync_failures_total", "Group commits that failed", store.sync_failures);
  out.counter("corruption_advisories_total", "Corruption reports received", store.advisories);
  const CollectorCounters& gc = collector_.counters();
  out.counter("gc_cycles_total", "Walks of the garbage collector through all shares", gc.cycles);
  out.counter("gc_buckets_examined_total", "Bucket directories it looked at", gc.buckets);
  out.counter("gc_shares_examined_total", "Shares it looked at", gc.shares);
  out.counter("gc_examined_bytes_total", "Bytes these take", gc.bytes);
  out.counter("gc_shares_dropped_total", "Shares it deleted because all their leases had ended", gc.dropped);
  out.counter("gc_recovered_bytes_total", "Bytes these took", gc.recovered_bytes);
  out.counter("gc_shares_unreadable_total", "Share files it could not make sense of, and left", gc.unreadable);
  out.counter("gc_buckets_removed_total", "Empty bucket directories it removed", gc.buckets_removed);
  out.gauge("gc_may_drop", "1 when it is wanted, and the time is trusted enough to delete by it",
            collector_.may_drop() ? 1 : 0);
  out.counter("requests_total", "Requests", routes_.requests);
  out.counter("requests_unauthorized_total", "Requests without the swissnum", routes_.unauthorized);
  out.counter("bodies_broken_total", "Uploads cut in the middle of a request", routes_.broken_bodies);
  out.counter("connections_total", "Connections accepted", server.connections_accepted);
  out.gauge("connections_open", "Connections open", server.connections_open);
  out.counter("body_received_bytes_total", "Request-body bytes", server.body_bytes_received);
  out.counter("body_sent_bytes_total", "Response-body bytes", server.body_bytes_sent);
  return out.take();
}

}  // namespace holdfast::storage
