// The helper as its operator sees it: JSON and metrics. Storage indexes are shown to nobody else.
#include <boost/json.hpp>

#include "holdfast/core/base/metrics_text.h"
#include "holdfast/node/helper/helper_routes.h"

namespace holdfast::helper {
namespace {

namespace json = boost::json;

double seconds(io::Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

json::object to_json(const Job& job, const HelperService& service) {
  const io::Time now = service.context().loop.now();
  json::object out{{"id", job.name},
                   {"storage_index", job.name.substr(0, job.name.find('.'))},
                   {"state", std::string(to_string(job.phase))},
                   {"size", job.geometry.size()},
                   {"happy", job.happy},
                   {"seconds_in_state", seconds(now - job.since)},
                   {"tries_failed", job.tries},
                   {"share_bytes_pushed", job.pushed_bytes}};
  if (!job.reason.empty()) out["reason"] = job.reason;
  if (job.phase == Job::Phase::pushing || job.phase == Job::Phase::repairing) {
    out["done_bytes"] = job.progress.done_bytes;
    out["total_bytes"] = job.progress.total_bytes;
    if (!job.progress.note.empty()) out["note"] = job.progress.note;
  }
  if (const uploads::UploadPtr& upload = job.upload; upload != nullptr) {
    out["held"] = upload->log.durable;
    out["received"] = upload->received;
    out["sending"] = upload->turn != nullptr;
    out["idle_seconds"] = seconds(upload->idle_before + (now - upload->active));
    out["age_seconds"] = service.context().loop.wall_seconds() - upload->log.creation.created_wall;
  }
  return out;
}

json::object to_json(const GivenUp& one) {
  return {{"id", one.id},
          {"storage_index", one.id.substr(0, one.id.find('.'))},
          {"size", one.size},
          {"reason", one.reason},
          {"at", one.wall_seconds}};
}

}  // namespace

std::string status_json(const HelperService& service) {
  json::array jobs;
  for (const JobPtr& job : service.jobs()) jobs.push_back(to_json(*job, service));
  json::array given_up;
  for (const GivenUp& each : service.given_up()) given_up.push_back(to_json(each));
  const uploads::UploadStore& store = service.store();
  const json::object out{{"uploads", std::move(jobs)},
                         {"given_up", std::move(given_up)},
                         {"bytes_held", store.bytes_held()},
                         {"space", store.space()},
                         {"bytes_max", store.options().bytes_max},
                         {"uploads_max", store.options().uploads_max},
                         {"retention_seconds", store.options().retention_seconds},
                         {"servers", service.context().servers.size()}};
  return json::serialize(out) + "\n";
}

std::string metrics_text(const HelperService& service, const RouteCounters& routes) {
  MetricsText out("holdfast_helper_");
  const uploads::StoreCounters& store = service.store().counters();
  const ServiceCounters& work = service.counters();
  std::map<Job::Phase, std::uint64_t> phases;
  for (const JobPtr& job : service.jobs()) ++phases[job->phase];
  out.gauge("uploads_receiving", "Uploads that are not whole yet", phases[Job::Phase::receiving]);
  out.gauge("uploads_waiting", "Whole ones that wait to be pushed, or to be tried again", phases[Job::Phase::waiting]);
  out.gauge("uploads_pushing", "Whole ones on their way to the grid", phases[Job::Phase::pushing]);
  out.gauge("uploads_repairing", "Files that are rebuilt from the grid", phases[Job::Phase::repairing]);
  out.gauge("spool_bytes", "Bytes held in the spool", service.store().bytes_held());
  out.gauge("spool_space_bytes", "Bytes that may still be sent", service.store().space());
  out.counter("received_bytes_total", "Ciphertext bytes received", store.bytes_received);
  out.counter("resumed_uploads_total", "Times an upload went on behind a request that broke off", store.resumed);
  out.counter("resumed_bytes_total", "Bytes held at those times, not sent again", store.bytes_resumed);
  out.counter("pieces_replaced_total", "Pieces that were wrong and were sent again", store.pieces_replaced);
  out.counter("takeovers_total", "Requests that were ended by a newer one", store.takeovers);
  out.counter("uploads_created_total", "Uploads begun", store.created);
  out.counter("uploads_sealed_total", "Uploads received whole", store.sealed);
  out.counter("uploads_expired_total", "Uploads ended because nothing came", store.expired);
  out.counter("uploads_evicted_total", "Dormant uploads deleted for room", store.evicted);
  out.counter("syncs_total", "Syncs of the spool", store.syncs);
  out.counter("sync_failures_total", "Syncs that failed", store.sync_failures);
  out.counter("asked_total", "Questions what is there of a file", work.asked);
  out.counter("present_total", "Files that were in the grid already", work.present);
  out.counter("present_bytes_total", "Bytes that did not have to be sent for that", work.present_bytes);
  out.counter("repaired_total", "Files rebuilt from the grid instead of being sent", work.repaired);
  out.counter("pushed_total", "Files pushed", work.pushed);
  out.counter("pushed_bytes_total", "Share bytes sent to storage servers", work.pushed_bytes);
  out.counter("pushed_again_bytes_total", "Of them, sent before", work.share_bytes_resent);
  out.counter("push_seconds_total", "Time spent encoding and pushing", work.push_seconds);
  out.counter("push_failures_total", "Pushes that failed and are tried again", work.push_failures);
  out.counter("failed_total", "Files given up", work.failed);
  out.counter("requests_total", "Requests", routes.requests);
  out.counter("requests_unauthorized_total", "Requests without the right secret", routes.unauthorized);
  out.counter("requests_refused_total", "Requests that were refused", routes.bad_requests);
  out.counter("bodies_broken_total", "Requests cut in the middle of their body", routes.broken_bodies);
  out.counter("busy_total", "Requests for what another client was sending", routes.busy);
  out.counter("offset_mismatches_total", "Requests with an offset that was not the next one", routes.mismatches);
  return out.take();
}

}  // namespace holdfast::helper
