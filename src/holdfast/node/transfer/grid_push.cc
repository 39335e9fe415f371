#include "holdfast/node/transfer/grid_push.h"

#include "holdfast/node/transfer/node_stores.h"

namespace holdfast::transfer {
namespace {

io::Task<void> run_pipeline(SegmentPipeline* pipeline, Result<void>* outcome, std::function<void()>* changed) {
  *outcome = co_await pipeline->run();
  if (*changed) (*changed)();
}

immutable::ShareLayout layout_for(const PushPlan& plan) {
  if (!plan.original) return immutable::ShareLayout(plan.geometry);
  return {plan.geometry, immutable::ShareLayout::Choice{0, plan.original->size()}};
}

void report(const Context& context, const SharePlacer& placer, Pushed& out) {
  const PushAttempts& attempts = placer.attempts();
  out.placed = attempts.placed();
  for (const grid::StorageServer* server : context.servers) out.sent_to[server] = attempts.bytes_sent(server);
  out.bytes_sent = attempts.bytes_sent();
  out.bytes_resent = attempts.bytes_resent();
  out.bytes_skipped = attempts.bytes_skipped();
  out.cuts = attempts.cuts();
  out.happiness = static_cast<unsigned>(attempts.happiness());
  out.foreign = attempts.foreign_copies();
  out.unsound = attempts.unsound_copies();
  out.warnings = placer.warnings();
}

}  // namespace

io::Task<Result<void>> push_shares(const Context& context, PushPlan plan, SegmentSource& source, Progress& progress,
                                   Pushed& out) {
  Link link(context.loop, context.random, plan.wishes.patience);
  const immutable::ShareLayout layout = layout_for(plan);
  immutable::Encoder encoder(plan.geometry, layout, make_node_stores(context.files, context.journal_directory),
                             plan.original);
  const immutable::SegmentEncoder segment_encoder(plan.geometry, plan.key);
  SegmentPipeline pipeline(context, source, segment_encoder, encoder, SegmentPipeline::Limits{});
  PushJob job{context, link, plan.si, encoder, pipeline, nullptr, plan.begun_before, plan.proof};
  plan.wishes.on_happy = [&] {
    if (plan.on_happy) plan.on_happy(encoder.uri_extension_hash());
  };
  SharePlacer placer(job, std::move(plan.master), std::move(plan.wishes), progress);
  io::TaskGroup encoding(co_await io::this_scope());
  Result<void> encoded;
  encoding.spawn(run_pipeline(&pipeline, &encoded, &job.changed));
  const Result<void> outcome = co_await placer.run();
  encoding.cancel();
  co_await encoding.join();
  report(context, placer, out);
  out.share_bytes_total = layout.size() * plan.geometry.params().n;
  if (encoder.finished()) out.uri_extension = to_bytes(encoder.uri_extension());
  co_return outcome;
}

}  // namespace holdfast::transfer
