#include "holdfast/node/transfer/segment_fetcher.h"

#include <algorithm>

#include "holdfast/node/transfer/server_survey.h"

namespace holdfast::transfer {
namespace {

constexpr io::Duration kHedgeLeast = std::chrono::milliseconds(500);

io::Task<Result<void>> told(io::Event& event) {
  const bool woken = co_await event.wait();
  if (!woken) co_return fail(Errc::cancelled, "stopped");
  co_return Result<void>{};
}

struct Part {
  Range range;
  Result<Bytes> bytes = fail(Errc::cancelled, "stopped");
};

io::Task<void> read_part(grid::StorageServer* server, StorageIndex si, ShareNumber share, Part* part) {
  part->bytes = co_await server->read(si, share, part->range);
}

}  // namespace

struct SegmentFetcher::Copy {
  Copy(io::Loop& loop, grid::StorageServer& from, immutable::FileState& file, ShareNumber share)
      : server(from), reader(file, share), hashes(loop, 1) {}
  grid::StorageServer& server;
  immutable::ShareReader reader;
  io::Semaphore hashes;                // opening it, and hashes of one run of segments, at a time
  bool bad = false;                    // corrupt or incompatible: never again
  std::optional<io::Time> down_since;  // a transport failure; may come back
  unsigned slow = 0;                   // how often it was hedged
  unsigned busy = 0;                   // batches that wait for it
};

/// k copies' blocks of a run of segments. Batches may overlap in time.
struct SegmentFetcher::Batch {
  /// Of a copy that is asked: what has come, and how much that was when we looked last.
  struct Arrival {
    Bytes bytes;
    std::size_t seen = 0;
    bool running = false;
  };
  SegmentNumber first = 0, end = 0;
  bool hashes_only = false;
  std::vector<std::pair<ShareNumber, Bytes>> got;
  std::set<ShareNumber> running;
  std::set<Copy*> tried;
  std::map<Copy*, Arrival> arrivals;
};

SegmentFetcher::SegmentFetcher(const Context& context, Link& link, const StorageIndex& si,
                               const immutable::FileClaim& claim, const cap::Key* key)
    : context_(context),
      link_(link),
      si_(si),
      file_(claim),
      key_(key != nullptr ? std::optional(*key) : std::nullopt),
      changed_(context.loop),
      asking_(context.loop) {}

SegmentFetcher::~SegmentFetcher() = default;

io::Task<void> SegmentFetcher::ask(grid::StorageServer* server) {
  const Result<std::vector<ShareNumber>> shares = co_await server->list_shares(si_);
  being_asked_.erase(server);
  answered_.insert(server);
  if (!shares) {
    dead_.insert(server);
    last_problem_ = shares.error().what;
  } else {
    link_.heard();
    for (ShareNumber share : *shares) {
      if (share < file_.claim().n) copies_.push_back(std::make_unique<Copy>(context_.loop, *server, file_, share));
    }
  }
  changed_.notify_all();
}

std::size_t SegmentFetcher::distinct_alive() const {
  std::set<ShareNumber> shares;
  for (const auto& copy : copies_) {
    if (!copy->bad && !copy->down_since) shares.insert(copy->reader.share());
  }
  return shares.size();
}

/// Asks all servers, and returns as soon as enough shares are known; the other answers are listened to.
io::Task<Result<void>> SegmentFetcher::find() {
  const std::vector<grid::StorageServer*> servers = permuted_servers(context_, si_);
  if (servers.empty()) co_return fail(Errc::not_enough_shares, "this node knows no storage server");
  for (grid::StorageServer* server : servers) {
    if (being_asked_.contains(server) || (answered_.contains(server) && !dead_.contains(server))) continue;
    being_asked_.insert(server);
    answered_.erase(server);
    dead_.erase(server);
    asking_.spawn(ask(server));
  }
  while (distinct_alive() < file_.claim().k && asking_.running() > 0) HF_CO_TRY_VOID(co_await told(changed_));
  co_return Result<void>{};
}

void SegmentFetcher::note_failure(Copy& copy, const Error& error) {
  const std::string who = "share " + std::to_string(copy.reader.share()) + " on " + copy.server.name();
  last_problem_ = error.what;
  switch (error.code) {
    case Errc::corrupt:
    case Errc::not_found:
    case Errc::unsupported:
    case Errc::unauthorized:
      copy.bad = true;
      warnings_.push_back(who + " is not usable: " + error.what);
      break;
    case Errc::malformed:
      copy.down_since = context_.loop.now();
      break;
    case Errc::cancelled:
      break;
    default:
      ++cuts_;
      copy.down_since = context_.loop.now();
  }
}

io::Task<Result<void>> SegmentFetcher::open_copy(Copy& copy) {
  immutable::ShareReader& reader = copy.reader;
  if (reader.is_open()) co_return Result<void>{};
  Part header{reader.header_range()}, tail{reader.tail_range()};
  {
    io::TaskGroup group(co_await io::this_scope());
    group.spawn(read_part(&copy.server, si_, reader.share(), &header));
    group.spawn(read_part(&copy.server, si_, reader.share(), &tail));
    co_await group.join();
  }
  if (!header.bytes) co_return tl::make_unexpected(header.bytes.error());
  HF_CO_TRY_VOID(reader.on_header(*header.bytes));
  if (reader.tail_range() != tail.range) {
    tail.range = reader.tail_range();
    co_await read_part(&copy.server, si_, reader.share(), &tail);
  }
  if (!tail.bytes) co_return tl::make_unexpected(tail.bytes.error());
  const Result<void> opened = reader.on_tail(*tail.bytes);
  if (!opened && opened.error().code == Errc::malformed) {
    file_error_ = opened.error();
    co_return fail(Errc::corrupt, opened.error().what);
  }
  co_return opened;
}

io::Task<Result<void>> SegmentFetcher::fetch_nodes(Copy& copy, SegmentNumber first, SegmentNumber end) {
  std::vector<Part> parts;
  for (const Range& range : copy.reader.wanted_nodes(first, end).ranges()) parts.push_back(Part{range});
  if (parts.empty()) co_return Result<void>{};
  {
    io::TaskGroup group(co_await io::this_scope());
    for (Part& part : parts) group.spawn(read_part(&copy.server, si_, copy.reader.share(), &part));
    co_await group.join();
  }
  for (const Part& part : parts) {
    if (!part.bytes) co_return tl::make_unexpected(part.bytes.error());
    HF_CO_TRY_VOID(copy.reader.on_nodes(part.range.begin, *part.bytes));
  }
  co_return copy.reader.settle_nodes();
}

/// Where a broken connection leaves what has come: a link that drops often is got over all the same.
io::Task<Result<void>> SegmentFetcher::fetch_blocks(Copy& copy, Range range, Bytes& arrived) {
  for (;;) {
    const std::size_t before = arrived.size();
    if (before == range.size()) co_return Result<void>{};
    const Range rest{range.begin + before, range.end};
    const Result<void> read = co_await copy.server.read_onto(si_, copy.reader.share(), rest, arrived);
    const bool moved = arrived.size() > before;
    if (moved) link_.heard();
    if (read && arrived.size() < range.size()) co_return fail(Errc::corrupt, "the share is shorter than it should be");
    if (read || read.error().code != Errc::unavailable || !moved) co_return read;
    ++cuts_;
  }
}

io::Task<void> SegmentFetcher::nodes_into(Copy* copy, const Batch* batch, Result<void>* out) {
  const bool mine = co_await copy->hashes.acquire();
  if (!mine) {
    *out = fail(Errc::cancelled, "stopped");
    co_return;
  }
  *out = co_await fetch_nodes(*copy, batch->first, batch->end);
  copy->hashes.release();
}

io::Task<void> SegmentFetcher::blocks_into(Copy* copy, Range range, Bytes* arrived, Result<void>* out) {
  *out = co_await fetch_blocks(*copy, range, *arrived);
}

/// Hashes and blocks travel at the same time: on a long way each question costs a round trip.
io::Task<Result<Bytes>> SegmentFetcher::fetch(Copy& copy, Batch& batch) {
  const bool mine = co_await copy.hashes.acquire();
  if (!mine) co_return fail(Errc::cancelled, "stopped");
  const Result<void> opened = co_await open_copy(copy);
  copy.hashes.release();
  if (!opened) co_return tl::make_unexpected(opened.error());
  const Range range = copy.reader.block_range(batch.first, batch.end);
  Result<void> nodes, blocks;
  {
    io::TaskGroup group(co_await io::this_scope());
    group.spawn(nodes_into(&copy, &batch, &nodes));
    if (!batch.hashes_only) group.spawn(blocks_into(&copy, range, &batch.arrivals[&copy].bytes, &blocks));
    co_await group.join();
  }
  if (!nodes) co_return tl::make_unexpected(nodes.error());
  if (!blocks) co_return tl::make_unexpected(blocks.error());
  if (batch.hashes_only) co_return Bytes();
  Bytes bytes = std::exchange(batch.arrivals[&copy].bytes, Bytes());
  auto check = [&] { return copy.reader.check_blocks(batch.first, batch.end, bytes); };
  const Result<void> checked = co_await context_.cpu.run(check);
  if (checked) co_return std::move(bytes);
  const std::string where = "share[" + std::to_string(range.begin) + "-" + std::to_string(range.end) + ")";
  static_cast<void>(co_await copy.server.advise_corrupt(si_, copy.reader.share(),
                                                        "corruption in " + where + ": " + checked.error().what));
  co_return tl::make_unexpected(checked.error());
}

io::Task<void> SegmentFetcher::run_copy(Copy* copy, Batch* batch) {
  ++copy->busy;
  Batch::Arrival& arrival = batch->arrivals[copy];
  arrival.seen = arrival.bytes.size();
  arrival.running = true;
  const ShareNumber share = copy->reader.share();
  Result<Bytes> blocks = co_await fetch(*copy, *batch);
  --copy->busy;
  arrival.running = false;
  batch->running.erase(share);
  if (blocks) {
    batch->got.emplace_back(share, std::move(*blocks));
    link_.heard();
    copy->down_since.reset();
    used_.insert({copy->server.id(), share});
  } else {
    note_failure(*copy, blocks.error());
  }
  changed_.notify_all();
}

/// Copies of the batch that stand still, or crawl beside the others: a spare for each. When none of them moves it may be
/// the line, and many spares would only make it longer: one at a time.
std::size_t SegmentFetcher::laggards(Batch& batch, bool first_look) {
  std::size_t best = batch.got.empty() ? 0 : batch.got.front().second.size();
  bool moved = false;
  for (const auto& [copy, arrival] : batch.arrivals) {
    if (!arrival.running) continue;
    best = std::max(best, arrival.bytes.size());
    moved = moved || arrival.bytes.size() > arrival.seen;
  }
  std::size_t lag = 0;
  for (auto& [copy, arrival] : batch.arrivals) {
    if (!arrival.running) continue;
    const std::size_t now = arrival.bytes.size();
    if (now == std::exchange(arrival.seen, now) || now < best / 2) {
      ++lag;
      ++copy->slow;
    }
  }
  if (!moved) return 1;
  return first_look ? std::max<std::size_t>(lag, 1) : lag;
}

/// The best copy of a share that the batch has neither got nor is getting.
SegmentFetcher::Copy* SegmentFetcher::pick(const Batch& batch) const {
  Copy* best = nullptr;
  const auto load = [&](const Copy& copy) {
    return std::ranges::count_if(copies_,
                                 [&](const auto& other) { return other->busy > 0 && &other->server == &copy.server; });
  };
  // Of equals, the one whose server answered first.
  const auto rank = [&](const Copy& copy) { return std::tuple(copy.slow, load(copy)); };
  for (const auto& copy : copies_) {
    const ShareNumber share = copy->reader.share();
    const bool have = std::ranges::any_of(batch.got, [&](const auto& got) { return got.first == share; });
    if (copy->bad || copy->down_since || have || batch.running.contains(share) || batch.tried.contains(copy.get()))
      continue;
    if (best == nullptr || rank(*copy) < rank(*best)) best = copy.get();
  }
  return best;
}

/// Nothing can be started and nothing runs: waits, then asks again and forgives what was down.
io::Task<Result<void>> SegmentFetcher::wait_for_copies(unsigned& failures) {
  std::set<ShareNumber> possible;
  bool all_answered = true;
  for (const auto& copy : copies_) {
    if (!copy->bad) possible.insert(copy->reader.share());
  }
  if (!dead_.empty() || asking_.running() > 0) all_answered = false;
  if (all_answered && possible.size() < file_.claim().k) {
    co_return fail(Errc::not_enough_shares, "only " + std::to_string(possible.size()) + " good shares were found, " +
                                                std::to_string(file_.claim().k) + " are needed" +
                                                (last_problem_.empty() ? "" : " (" + last_problem_ + ")"));
  }
  HF_CO_TRY_VOID(co_await link_.pause(++failures));
  for (const auto& copy : copies_) copy->down_since.reset();
  co_return co_await find();
}

io::Task<Result<void>> SegmentFetcher::gather(Batch& batch) {
  const std::size_t needed = batch.hashes_only ? 1 : file_.claim().k;
  io::TaskGroup group(co_await io::this_scope());
  Result<void> outcome;
  unsigned failures = 0;
  std::size_t hedges = 0;
  const io::Time start = context_.loop.now();
  io::Time last_start = start;
  while (outcome && batch.got.size() < needed && !file_error_) {
    const io::Time now = context_.loop.now();
    const io::Duration patience = std::max(kHedgeLeast, usual_ * 2);
    if (batch.running.size() > 0 && now - last_start >= patience) {
      hedges += laggards(batch, hedges == 0);  // one more copy for each, and remember who
      last_start = now;
    }
    while (batch.got.size() + batch.running.size() < needed + hedges) {
      Copy* copy = pick(batch);
      if (copy == nullptr) break;
      batch.running.insert(copy->reader.share());
      batch.tried.insert(copy);
      last_start = now;
      group.spawn(run_copy(copy, &batch));
    }
    if (batch.got.size() >= needed || file_error_) break;
    if (batch.running.empty()) {
      outcome = co_await wait_for_copies(failures);
      batch.tried.clear();
      continue;
    }
    outcome = co_await io::with_timeout(std::chrono::milliseconds(100), told(changed_));
    if (!outcome && outcome.error().code == Errc::timeout) outcome = Result<void>{};
  }
  group.cancel();
  co_await group.join();
  if (outcome && file_error_) outcome = tl::make_unexpected(*file_error_);
  if (outcome) usual_ = std::max<io::Duration>(context_.loop.now() - start, std::chrono::milliseconds(20));
  co_return outcome;
}

io::Task<Result<void>> SegmentFetcher::open() {
  HF_CO_TRY_VOID(co_await find());
  Batch batch;
  batch.hashes_only = true;
  batch.end = 1;
  HF_CO_TRY_VOID(co_await gather(batch));
  decoder_.emplace(geometry(), key_ ? &*key_ : nullptr);
  co_return Result<void>{};
}

io::Task<Result<std::vector<Hash>>> SegmentFetcher::segment_hashes(SegmentNumber first, SegmentNumber end) {
  Batch batch;
  batch.first = first;
  batch.end = end;
  batch.hashes_only = true;
  HF_CO_TRY_VOID(co_await gather(batch));
  std::vector<Hash> out;
  for (SegmentNumber segment = first; segment < end; ++segment) out.push_back(file_.crypttext().leaf(segment).value());
  co_return out;
}

io::Task<Result<std::vector<Bytes>>> SegmentFetcher::decode(Batch& batch) {
  std::vector<Hash> expected;
  for (SegmentNumber segment = batch.first; segment < batch.end; ++segment)
    expected.push_back(file_.crypttext().leaf(segment).value());
  std::vector<ShareNumber> shares;
  std::vector<ByteView> blocks;
  batch.got.resize(file_.claim().k);
  for (const auto& [share, bytes] : batch.got) {
    shares.push_back(share);
    blocks.push_back(bytes);
  }
  auto work = [&] { return decoder_->decode_run(batch.first, shares, blocks, expected); };
  co_return co_await context_.cpu.run(work);
}

io::Task<Result<std::vector<Bytes>>> SegmentFetcher::segments(SegmentNumber first, SegmentNumber end) {
  Batch batch;
  batch.first = first;
  batch.end = end;
  HF_CO_TRY_VOID(co_await gather(batch));
  co_return co_await decode(batch);
}

io::Task<void> SegmentFetcher::close() {
  asking_.cancel();
  co_await asking_.join();
}

}  // namespace holdfast::transfer
