// What a batch is asked from: who lags, who is probed, who is picked.
#include <algorithm>
#include <limits>

#include "holdfast/node/transfer/segment_batch.h"
#include "holdfast/node/transfer/segment_fetcher.h"

namespace holdfast::transfer {
namespace {

constexpr double kSlow = 0.25;  // of the best one's speed

}  // namespace

/// Takes the pace of all that is on its way, a few times a second.
void SegmentFetcher::look() {
  const double when = now();
  if (!line_.look_is_due(when)) return;
  const bool moves = std::ranges::any_of(active_, [](const SegmentBatch* batch) { return batch->moves(); });
  line_.look(when, received(), moves, held_back());
  if (moves) {
    link_.heard();
  } else if (line_.held_back()) {
    link_.answered();  // it may be an error's text: patience runs on
  }
  std::map<ShareCopy*, double> speeds;
  for (SegmentBatch* batch : active_) {
    for (auto& [copy, arrival] : batch->arrivals) {
      if (arrival.running == nullptr) continue;
      const std::uint64_t length =
          copy->reader.is_open() ? copy->reader.block_range(batch->first, batch->end).size() : 1;
      arrival.pace = arrival.trail->look(when, arrival.bytes.arrived, length, line_.moves());
      arrival.pace.stuck = arrival.bytes.arrived >= length && arrival.trail->still_for(when) > line_.patience();
      if (const auto first = arrival.trail->first_byte()) line_.first_byte_after(*first);
      if (!arrival.pace.young) speeds[copy] += arrival.pace.bytes_per_second;
    }
  }
  if (!line_.moves()) return;
  for (const auto& [copy, speed] : speeds) {
    if (speed > 0) copy->speed = speed;
  }
}

/// Who lags is to be doubled. And once those that stood still move again, their spares would only fetch what comes anyway:
/// what they have stays, and should they be needed after all, they go on there.
void SegmentFetcher::judge(SegmentBatch& batch) {
  if (std::exchange(batch.judged_at_look, line_.looks()) == line_.looks() || batch.hashes_only) return;
  const Surroundings around{line_.moves(), line_.busy(), best_speed(), line_.patience()};
  std::vector<ShareCopy*> running;
  std::vector<Pace> paces;
  for (auto& [copy, arrival] : batch.arrivals) {
    if (arrival.running == nullptr) continue;
    arrival.lags = lags(arrival.pace, around);
    if (arrival.lags) tell(batch, *copy, "lags");
    if (arrival.lags && arrival.pace.bytes_per_second <= 0) copy->speed = 0;
    running.push_back(copy);
    paces.push_back(arrival.pace);
  }
  for (std::size_t i : surplus(paces, batch.missing())) {
    batch.arrivals[running[i]].running->cancel();
    batch.tried.erase(running[i]);
  }
}

/// When nothing moves, it is the line or those that were asked: one more is asked, and then another. When all are equally
/// slow, one that is not known to be so may be better.
ShareCopy* SegmentFetcher::probe(const SegmentBatch& batch) {
  const double when = now(), patience = line_.patience();
  if (&batch != active_.front() || batch.running.empty() || line_.held_back()) return nullptr;
  if (when - probed_at_ <= patience || when - batch.started <= patience) return nullptr;
  ShareCopy* copy = nullptr;
  if (!line_.moves()) {
    if (line_.still_for(when) > patience) copy = pick(batch);
  } else if (batch.running.size() == batch.missing()) {
    double slowest = best_speed();
    bool soon = true;
    for (const auto& [each, arrival] : batch.arrivals) {
      if (arrival.running == nullptr) continue;
      slowest = std::min(slowest, arrival.pace.bytes_per_second);
      soon = soon && seconds_left(arrival.pace) < patience;
    }
    copy = soon ? nullptr : pick(batch);
    const bool better = copy != nullptr && (!copy->speed || (!line_.busy() && *copy->speed > 2 * slowest));
    if (!better) copy = nullptr;
  }
  if (copy != nullptr) probed_at_ = when;
  return copy;
}

double SegmentFetcher::best_speed() const {
  double best = 0;
  for (const auto& copy : copies_) {
    if (!copy->bad && !copy->down_since) best = std::max(best, copy->speed.value_or(0));
  }
  return best;
}

/// The best copy of a share that the batch has neither got nor is getting at a good pace: not a slow one, and the one that has most of it.
ShareCopy* SegmentFetcher::pick(const SegmentBatch& batch) const {
  const auto load = [&](const ShareCopy& copy) {
    return std::ranges::count_if(copies_,
                                 [&](const auto& other) { return other->busy > 0 && &other->server == &copy.server; });
  };
  const auto lacks = [&](ShareCopy& copy) {
    const auto it = batch.arrivals.find(&copy);
    return std::numeric_limits<std::size_t>::max() - (it == batch.arrivals.end() ? 0 : it->second.bytes.arrived);
  };
  const double slow = best_speed() * kSlow;
  // Who is not known yet is as good as the best. Of equals, the one whose server answered first.
  const auto rank = [&](ShareCopy& copy) {
    return std::tuple(copy.speed.value_or(slow) < slow, lacks(copy), load(copy));
  };
  ShareCopy* best = nullptr;
  for (const auto& copy : copies_) {
    const ShareNumber share = copy->reader.share();
    const auto arrival = batch.arrivals.find(copy.get());
    const bool runs =
        arrival != batch.arrivals.end() && arrival->second.running != nullptr;  // or is just being stopped
    const bool comes = batch.has(share) || batch.awaits(share) || runs;
    if (copy->bad || copy->down_since || comes || batch.tried.contains(copy.get())) continue;
    if (best == nullptr || rank(*copy) < rank(*best)) best = copy.get();
  }
  return best;
}

}  // namespace holdfast::transfer
