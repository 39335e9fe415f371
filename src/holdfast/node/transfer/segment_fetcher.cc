#include "holdfast/node/transfer/segment_fetcher.h"

#include <algorithm>

#include "holdfast/node/transfer/segment_batch.h"
#include "holdfast/node/transfer/server_survey.h"

namespace holdfast::transfer {
namespace {

constexpr unsigned kSpareQuestions = 2;  // beside the k servers that probably have what is wanted
constexpr auto kLater = std::chrono::milliseconds(25);
constexpr auto kSilence = std::chrono::seconds(1);
constexpr SegmentNumber kSegmentsKept = 4096;         // of files with no more all hashes are kept, whoever reads where
constexpr std::uint64_t kLargeFileBytes = 1'048'576;  // its hashes are asked for beside its blocks

/// What goes wrong shows when the copy is read.
io::Task<void> open_early(ShareCopy* copy) {
  static_cast<void>(co_await copy->open());
}

}  // namespace

SegmentFetcher::SegmentFetcher(const Context& context, Link& link, const StorageIndex& si,
                               const immutable::FileClaim& claim, const cap::Key* key)
    : context_(context),
      link_(link),
      si_(si),
      file_(claim),
      key_(key != nullptr ? std::optional(*key) : std::nullopt),
      line_(now(), received()),
      probed_at_(now()),
      changed_(context.loop),
      asking_(context.loop),
      opening_(context.loop) {}

SegmentFetcher::~SegmentFetcher() = default;

io::Task<void> SegmentFetcher::ask(grid::StorageServer* server, io::Duration after) {
  if (after > io::Duration()) static_cast<void>(co_await io::sleep_for(after));
  const Result<std::vector<ShareNumber>> shares = co_await server->list_shares(si_);
  being_asked_.erase(server);
  answered_.insert(server);
  if (!shares) {
    dead_.insert(server);
    if (shares.error().code == Errc::unauthorized) strangers_.insert(server);
    last_problem_ = shares.error().what;
  } else {
    link_.heard();
    for (ShareNumber share : *shares) {
      if (share < file_.claim().n)
        copies_.push_back(std::make_unique<ShareCopy>(context_, link_, si_, *server, file_, share));
    }
  }
  changed_.notify_all();
}

std::uint64_t SegmentFetcher::received() const {
  std::uint64_t sum = 0;
  for (const grid::StorageServer* server : context_.servers) sum += server->traffic().body_bytes_received;
  return sum;
}

bool SegmentFetcher::held_back() const {
  return std::ranges::any_of(context_.servers,
                             [](const grid::StorageServer* server) { return server->traffic().held_back; });
}

std::uint64_t SegmentFetcher::cuts() const {
  std::uint64_t sum = cuts_;
  for (const auto& copy : copies_) sum += copy->cuts;
  return sum;
}

std::size_t SegmentFetcher::distinct_alive() const {
  std::set<ShareNumber> shares;
  for (const auto& copy : copies_) {
    if (!copy->bad && !copy->down_since) shares.insert(copy->reader.share());
  }
  return shares.size();
}

/// Asks all servers, and returns as soon as enough shares are known; the other answers are listened to. Those that have shares
/// only if others are full or gone are asked a moment later: their handshakes would hold up those that matter.
io::Task<Result<void>> SegmentFetcher::find() {
  const std::vector<grid::StorageServer*> servers = permuted_servers(context_, si_);
  if (servers.empty()) co_return fail(Errc::not_enough_shares, "this node knows no storage server");
  unsigned asked = 0;
  for (grid::StorageServer* server : servers) {
    if (being_asked_.contains(server) || (answered_.contains(server) && !dead_.contains(server))) continue;
    being_asked_.insert(server);
    answered_.erase(server);
    dead_.erase(server);
    strangers_.erase(server);
    const bool likely = asked++ < file_.claim().k + kSpareQuestions;
    asking_.spawn(ask(server, likely ? io::Duration() : kLater));
  }
  if (copies_.empty()) connect_to_likely_ones();  // behind the questions: a handshake costs more than they do
  while (distinct_alive() < file_.claim().k && asking_.running() > 0) HF_CO_TRY_VOID(co_await changed_.told());
  co_return Result<void>{};
}

void SegmentFetcher::note_failure(ShareCopy& copy, const Error& error) {
  const std::string who = "share " + std::to_string(copy.reader.share()) + " on " + copy.server.name();
  last_problem_ = error.what;
  switch (error.code) {
    case Errc::corrupt:
    case Errc::not_found:
    case Errc::unsupported:
    case Errc::unauthorized:
      (error.code == Errc::corrupt ? unsound_ : unusable_)[{copy.server.id(), copy.reader.share()}] = error.what;
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

io::Task<Result<Buffer>> SegmentFetcher::fetch(ShareCopy& copy, SegmentBatch& batch) {
  Result<Buffer> out = Buffer();
  if (batch.hashes_only) {
    const Result<void> hashed = co_await copy.fetch_hashes(batch.first, batch.end);
    if (!hashed) out = tl::make_unexpected(hashed.error());
  } else {
    out = co_await copy.fetch_blocks(batch.first, batch.end, batch.arrivals[&copy].bytes);
  }
  if (copy.file_error) file_error_ = copy.file_error;
  co_return out;
}

void SegmentFetcher::tell(const SegmentBatch& batch, const ShareCopy& copy, const std::string& what) const {
  if (!context_.log.enabled(io::LogLevel::debug)) return;
  context_.log.debug("segments " + std::to_string(batch.first) + "-" + std::to_string(batch.end) + ": share " +
                     std::to_string(copy.reader.share()) + " on " + copy.server.name() + " " + what);
}

io::Task<void> SegmentFetcher::run_copy(ShareCopy* copy, SegmentBatch* batch) {
  ++copy->busy;
  const ShareNumber share = copy->reader.share();
  batch->running.insert(share);
  batch->tried.insert(copy);
  SegmentBatch::Arrival& arrival = batch->arrivals[copy];
  const std::size_t had = arrival.bytes.arrived;
  arrival.trail.emplace(now(), had);
  tell(*batch, *copy, "is asked");
  arrival.pace = Pace{};
  arrival.pace.arrived = had;
  arrival.lags = false;
  io::CancelScope scope(co_await io::this_scope());
  arrival.running = &scope;
  io::Task<Result<Buffer>> fetching = fetch(*copy, *batch);
  Result<Buffer> blocks = co_await fetching.in(scope);
  --copy->busy;
  arrival.running = nullptr;
  batch->running.erase(batch->running.find(share));
  tell(*batch, *copy, blocks ? "has come" : "ends: " + blocks.error().what);
  if (blocks && batch->has(share)) blocks = fail(Errc::cancelled, "the same share came from another server");
  if (blocks) {
    const double took = now() - arrival.trail->started();
    if (blocks->size() > had && took > 0) {
      copy->speed = static_cast<double>(blocks->size() - had) / took;
    }
    batch->got.emplace_back(share, std::move(*blocks));
    batch->cancel(share);
    link_.heard();
    copy->down_since.reset();
    used_.insert({copy->server.id(), share});
  } else {
    note_failure(*copy, blocks.error());
    // Stopped since others were faster, while it stood still: also with all of its blocks, when their hashes do not come.
    const bool stood_still = arrival.trail->still_for(now()) > line_.patience();
    if (blocks.error().code == Errc::cancelled && stood_still && !batch->hashes_only) copy->speed = 0;
  }
  changed_.notify_all();
}

double SegmentFetcher::now() const {
  return std::chrono::duration<double>(context_.loop.now().time_since_epoch()).count();
}

/// Patience is over, which `waited` says: what the servers that there are were good for.
Error SegmentFetcher::too_few(std::size_t possible, const Error& waited) const {
  if (waited.code != Errc::timeout || possible >= file_.claim().k) return waited;
  const std::size_t all = context_.servers.size();
  const std::string why = last_problem_.empty() ? "" : " (" + last_problem_ + ")";
  if (strangers_.size() == all) return {Errc::unauthorized, "no server is the one that its NURL names" + why};
  if (dead_.size() == all) return {waited.code, "no server answers" + why};
  return {waited.code, "only " + std::to_string(possible) + " shares can be had, and " +
                           std::to_string(file_.claim().k) + " are needed: " + std::to_string(dead_.size()) + " of " +
                           std::to_string(all) + " servers do not answer" + why};
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
  ++failures;
  const bool silent = context_.loop.now() - link_.last_heard() > kSilence;
  tell_waiting(silent, silent ? ""
                              : std::to_string(possible.size()) + " of " + std::to_string(file_.claim().k) +
                                    " shares can be had; waiting for more servers");
  const Result<void> paused = co_await link_.pause(failures, last_problem_);
  if (!paused) co_return tl::make_unexpected(too_few(possible.size(), paused.error()));
  for (const auto& copy : copies_) copy->down_since.reset();
  const Result<void> found = co_await find();
  if (distinct_alive() >= file_.claim().k) tell_waiting(false, "");
  co_return found;
}

void SegmentFetcher::tell_waiting(bool for_link, std::string note) {
  if (progress_ == nullptr) return;
  progress_->waiting_for_link = for_link;
  progress_->note = std::move(note);
}

io::Task<Result<void>> SegmentFetcher::gather(SegmentBatch& batch) {
  batch.needed = batch.hashes_only ? 1 : file_.claim().k;
  batch.started = now();
  active_.push_back(&batch);
  io::TaskGroup group(co_await io::this_scope());
  Result<void> outcome;
  unsigned failures = 0;
  while (outcome && batch.missing() > 0 && !file_error_) {
    look();
    judge(batch);
    if (ShareCopy* copy = probe(batch)) group.spawn(run_copy(copy, &batch));
    while (batch.got.size() + batch.hopeful() < batch.needed) {
      ShareCopy* copy = pick(batch);
      if (copy == nullptr) break;
      group.spawn(run_copy(copy, &batch));
    }
    if (batch.missing() == 0 || file_error_) break;
    if (batch.running.empty()) {
      outcome = co_await wait_for_copies(failures);
      batch.tried.clear();
      continue;
    }
    outcome = co_await io::with_timeout(std::chrono::milliseconds(100), changed_.told());
    if (!outcome && outcome.error().code == Errc::timeout) outcome = Result<void>{};
  }
  std::erase(active_, &batch);
  group.cancel();
  co_await group.join();
  if (outcome && file_error_) outcome = tl::make_unexpected(*file_error_);
  co_return outcome;
}

/// While the servers are asked who has shares, those that will probably be read from: their blocks are fetched beside hashes.
void SegmentFetcher::connect_to_likely_ones() {
  if (file_.claim().size <= kLargeFileBytes) return;
  const std::vector<grid::StorageServer*> servers = permuted_servers(context_, si_);
  for (std::size_t i = 0; i < std::min<std::size_t>(file_.claim().k, servers.size()); ++i) {
    opening_.spawn(servers[i]->make_ready(immutable::hash_ranges_expected(file_.claim())));
  }
}

/// What the first segments will be fetched from, so that nobody waits for one to be open before the next is looked at.
void SegmentFetcher::open_likely_ones() {
  SegmentBatch imagined;
  for (unsigned i = 0; i < file_.claim().k; ++i) {
    ShareCopy* copy = pick(imagined);
    if (copy == nullptr) break;
    imagined.running.insert(copy->reader.share());
    opening_.spawn(open_early(copy));
  }
}

io::Task<Result<void>> SegmentFetcher::open() {
  HF_CO_TRY_VOID(co_await find());
  open_likely_ones();
  SegmentBatch batch;
  batch.hashes_only = true;  // of no segment: that a copy is open is enough
  HF_CO_TRY_VOID(co_await gather(batch));
  decoder_.emplace(geometry(), key_ ? &*key_ : nullptr);
  co_return Result<void>{};
}

/// Hashes are kept from the first segment on that somebody still reads: memory does not grow with the file.
SegmentFetcher::Reading::Reading(SegmentFetcher& fetcher, SegmentNumber first)
    : fetcher_(fetcher), mine_(fetcher.reading_.insert(first)) {
  const SegmentNumber oldest = *fetcher.reading_.begin();
  if (oldest <= fetcher.forgotten_before_ || fetcher.geometry().num_segments() <= kSegmentsKept) return;
  fetcher.forgotten_before_ = oldest;
  fetcher.file_.crypttext().forget_leaves_before(oldest);
  for (const auto& copy : fetcher.copies_) {
    if (copy->reader.is_open()) copy->reader.forget_before(oldest);
  }
}

SegmentFetcher::Reading::~Reading() {
  fetcher_.reading_.erase(mine_);
}

io::Task<Result<std::vector<Hash>>> SegmentFetcher::segment_hashes(SegmentNumber first, SegmentNumber end) {
  const Reading reading(*this, first);
  SegmentBatch batch;
  batch.first = first;
  batch.end = end;
  batch.hashes_only = true;
  HF_CO_TRY_VOID(co_await gather(batch));
  std::vector<Hash> out;
  for (SegmentNumber segment = first; segment < end; ++segment) out.push_back(file_.crypttext().leaf(segment).value());
  co_return out;
}

io::Task<Result<std::vector<Buffer>>> SegmentFetcher::decode(SegmentBatch& batch) {
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

io::Task<Result<std::vector<Buffer>>> SegmentFetcher::segments(SegmentNumber first, SegmentNumber end) {
  const Reading reading(*this, first);
  SegmentBatch batch;
  batch.first = first;
  batch.end = end;
  HF_CO_TRY_VOID(co_await gather(batch));
  co_return co_await decode(batch);
}

io::Task<void> SegmentFetcher::close() {
  asking_.cancel();
  opening_.cancel();
  co_await asking_.join();
  co_await opening_.join();
}

}  // namespace holdfast::transfer
