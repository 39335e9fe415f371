#include "holdfast/node/transfer/uploader.h"

#include <algorithm>

#include "holdfast/core/base/base32.h"
#include "holdfast/core/cap/cap.h"
#include "holdfast/core/crypto/secrets.h"
#include "holdfast/core/immutable/uri_extension.h"
#include "holdfast/node/transfer/grid_push.h"

namespace holdfast::transfer {
namespace {

constexpr std::uint64_t kJournalFromBytes = 1'048'576;

/// The journal of an earlier run, when the file still looks the same and the parameters are.
std::optional<PutJournal> usable_journal(io::FileSystem& files, const std::string& journal_path,
                                         const SourceIdentity& source, const UploadOptions& options,
                                         const immutable::Geometry& geometry) {
  const Result<Bytes> bytes = io::read_file(files, journal_path, kPutJournalBytesMax);
  if (!bytes) return std::nullopt;
  Result<PutJournal> journal = decode_put_journal(*bytes);
  if (!journal) return std::nullopt;
  const bool same = journal->source == source && journal->k == options.k && journal->n == options.n &&
                    journal->segment_bytes == geometry.segment_size() && journal->key_mode == options.key_mode;
  const bool digests_fit =
      journal->key_mode == KeyMode::convergent || journal->piece_digests.size() == geometry.num_segments();
  if (!same || !digests_fit) return std::nullopt;
  return std::move(*journal);
}

struct Prepared {
  PutJournal journal;
  immutable::Geometry geometry;
  std::string journal_path;
  bool begun_before = false;  // by this node
};

/// Identity, geometry, and the key: from the journal or by the first pass, which is then written down. Who only asks what
/// would happen leaves nothing behind.
enum class Purpose { upload, plan };
io::Task<Result<Prepared>> prepare(const Context& context, SourceIdentity source, const UploadOptions& options,
                                   Purpose purpose, Progress& progress) {
  HF_CO_TRY(const immutable::Params params,
            immutable::make_params(options.k, options.n, source.size, options.segment_bytes_max));
  HF_CO_TRY(const immutable::Geometry geometry, immutable::Geometry::create(params));
  const std::string journal_path = put_journal_path(context.journal_directory, source.path, options);
  auto look = [&] { return usable_journal(context.files, journal_path, source, options, geometry); };
  std::optional<PutJournal> known = co_await context.disk.run(look);
  if (known) {
    progress.hashed_bytes = source.size;
    known->happy = options.happy;
    Prepared prepared{std::move(*known), geometry, journal_path, true};
    co_return prepared;
  }
  progress.phase = Phase::hashing;
  HF_CO_TRY(FirstPass pass, co_await hash_file(context, source, options, geometry, progress.hashed_bytes));
  PutJournal journal;
  journal.source = std::move(source);
  journal.k = options.k;
  journal.happy = options.happy;
  journal.n = options.n;
  journal.segment_bytes_max = options.segment_bytes_max;
  journal.segment_bytes = geometry.segment_size();
  journal.key_mode = options.key_mode;
  journal.key = pass.key;
  journal.storage_index = cap::storage_index_of(pass.key);
  journal.piece_digests = std::move(pass.piece_digests);
  journal.started_wall_seconds = context.loop.wall_seconds();
  auto write = [&]() -> Result<void> {
    HF_TRY_VOID(io::make_lasting_directory(context.files, context.journal_directory));
    return io::write_file_atomically(context.files, journal_path, encode(journal), io::Open::create_private);
  };
  // What is hashed in a moment is not worth two syncs; the key of its content will be the same.
  const bool saves_work = options.key_mode == KeyMode::random || journal.source.size > kJournalFromBytes;
  if (saves_work && purpose == Purpose::upload) HF_CO_TRY_VOID(co_await context.disk.run(write));
  Prepared prepared{std::move(journal), geometry, journal_path};
  co_return prepared;
}

Secret master_of(const Context& context, const PutJournal& journal) {
  if (journal.key_mode == KeyMode::convergent)
    return crypto::convergent_upload_master(context.convergence, journal.key.view());
  return crypto::private_upload_master(context.lease_secret, journal.storage_index);
}

io::Task<Result<std::string>> literal(const Context& context, const SourceIdentity& source) {
  auto job = [&] { return io::read_file(context.files, source.path, cap::kLiteralBytesMax + 1); };
  HF_CO_TRY(Bytes bytes, co_await context.disk.run(job));
  if (bytes.size() != source.size) co_return fail(Errc::changed, source.path + " changed while it was being read");
  const cap::Cap made = cap::LitCap{std::move(bytes), false};
  co_return cap::to_string(made);
}

std::string cap_of(const PutJournal& journal, const Hash& ueb_hash) {
  cap::ChkReadCap read;
  read.key = journal.key;
  read.ueb_hash = ueb_hash;
  read.k = static_cast<std::uint16_t>(journal.k);
  read.n = static_cast<std::uint16_t>(journal.n);
  read.size = journal.source.size;
  return cap::to_string(cap::Cap(read));
}

void report_servers(const Context& context, const Pushed& pushed, UploadReport& report) {
  for (const grid::StorageServer* server : context.servers) {
    ServerReport& each = report.servers.emplace_back();
    each.id = server->id();
    each.name = server->name();
    each.bytes_sent = pushed.sent_to.at(server);
    for (const auto& [share, servers] : pushed.placed) {
      if (std::ranges::find(servers, server) != servers.end()) each.shares.push_back(share);
    }
  }
}

io::Task<Result<UploadReport>> push(const Context& context, const Prepared& prepared, const UploadOptions& options,
                                    Progress& progress) {
  const io::Time start = context.loop.now();
  const PutJournal& journal = prepared.journal;
  const auto source = make_file_source(context, journal, prepared.geometry);
  PushPlan plan{journal.storage_index, master_of(context, journal), prepared.geometry, &journal.key};
  plan.begun_before = prepared.begun_before;
  plan.wishes.happy = options.happy;
  plan.wishes.patience = options.patience;
  plan.on_happy = [&](const Hash& ueb_hash) {
    if (options.on_proven) options.on_proven(cap_of(journal, ueb_hash));
  };
  Pushed pushed;
  HF_CO_TRY_VOID(co_await push_shares(context, std::move(plan), *source, progress, pushed));
  UploadReport report;
  report.cap = cap_of(journal, immutable::uri_extension_hash(pushed.uri_extension));
  report.storage_index = to_string(journal.storage_index);
  report.file_bytes = journal.source.size;
  report.share_bytes_total = pushed.share_bytes_total;
  report.bytes_sent = pushed.bytes_sent;
  report.bytes_resent = pushed.bytes_resent;
  report.bytes_skipped = pushed.bytes_skipped;
  report.cuts = pushed.cuts;
  report.shares_placed = static_cast<unsigned>(pushed.placed.size());
  report.shares_total = journal.n;
  report.happiness = pushed.happiness;
  report.happy = options.happy;
  report.warnings = pushed.warnings;
  report_servers(context, pushed, report);
  report.seconds = std::chrono::duration<double>(context.loop.now() - start).count();
  co_return report;
}

Result<void> check_options(const UploadOptions& options) {
  if (options.k < 1 || options.k > options.n || options.n > kSharesMax || options.happy < 1 ||
      options.happy > options.n) {
    return fail(Errc::malformed, "shares must satisfy 1 <= k <= N <= 256 and 1 <= happy <= N");
  }
  return {};
}

}  // namespace

io::Task<Result<UploadReport>> upload_file(const Context& context, std::string path, UploadOptions options,
                                           Progress& progress) {
  HF_CO_TRY_VOID(check_options(options));
  auto identifying = [&] { return identify(context.files, path); };
  HF_CO_TRY(SourceIdentity source, co_await context.disk.run(identifying));
  progress.file_bytes = source.size;
  if (source.size <= cap::kLiteralBytesMax) {
    UploadReport report;
    HF_CO_TRY(report.cap, co_await literal(context, source));
    report.file_bytes = source.size;
    if (options.on_proven) options.on_proven(report.cap);
    progress.phase = Phase::done;
    co_return report;
  }
  HF_CO_TRY(const Prepared prepared, co_await prepare(context, std::move(source), options, Purpose::upload, progress));
  Result<UploadReport> report = co_await push(context, prepared, options, progress);
  // Finished, or built on a file that is no more: either way the journal has nothing left to save.
  if (report || report.error().code == Errc::changed) {
    auto forget = [&] { return context.files.unlink(prepared.journal_path); };
    static_cast<void>(co_await context.disk.run(forget));
  }
  if (report) progress.phase = Phase::done;
  co_return report;
}

io::Task<Result<UploadPlan>> plan_upload(const Context& context, std::string path, UploadOptions options,
                                         Progress& progress) {
  HF_CO_TRY_VOID(check_options(options));
  auto identifying = [&] { return identify(context.files, path); };
  HF_CO_TRY(SourceIdentity source, co_await context.disk.run(identifying));
  progress.file_bytes = source.size;
  UploadPlan out;
  out.happy = options.happy;
  if (source.size <= cap::kLiteralBytesMax) co_return out;
  HF_CO_TRY(const Prepared prepared, co_await prepare(context, std::move(source), options, Purpose::plan, progress));
  const immutable::ShareLayout layout(prepared.geometry);
  const StorageIndex& si = prepared.journal.storage_index;
  Link link(context.loop, context.random, options.patience);
  progress.phase = Phase::asking;
  HF_CO_TRY(const std::vector<ServerFacts> servers,
            co_await survey(context, link, si, master_of(context, prepared.journal), layout.size(), options.n));
  const placement::Facts facts = placement_facts(servers, options.n, layout.size());
  const placement::Plan plan = placement::plan(facts);
  out.storage_index = to_string(si);
  out.happiness = static_cast<unsigned>(placement::happiness(placement::planned_shares(facts, plan)));
  for (const auto& [share, position] : plan) {
    const ServerFacts& server = servers[position];
    UploadPlan::Placement each{share, server.server->name(), layout.size(), 0, server.complete.contains(share)};
    if (each.already_there) {
      each.bytes_to_send = 0;
      each.bytes_held = layout.size();
    } else if (const auto partial = server.partial.find(share); partial != server.partial.end()) {
      RangeSet sending = partial->second;  // and the header and tail once more, over what is held
      sending.add(layout.header());
      sending.add(Range{layout.tail_begin(), layout.size()});
      each.bytes_to_send = sending.total();
      each.bytes_held = layout.size() - partial->second.total();
    }
    out.bytes_to_send += each.bytes_to_send;
    out.bytes_to_skip += each.bytes_held;
    out.placements.push_back(std::move(each));
  }
  co_return out;
}

io::Task<Result<unsigned>> cancel_upload(const Context& context, const std::string& journal_path) {
  auto read = [&]() -> Result<PutJournal> {
    HF_TRY(const Bytes bytes, io::read_file(context.files, journal_path, kPutJournalBytesMax));
    return decode_put_journal(bytes);
  };
  Result<PutJournal> journal = co_await context.disk.run(read);
  unsigned dropped = 0;
  if (journal) {
    dropped = co_await abort_partials(context, master_of(context, *journal), journal->storage_index);
  } else if (journal.error().code == Errc::not_found) {
    co_return tl::make_unexpected(journal.error());
  }
  auto forget = [&] { return context.files.unlink(journal_path); };
  HF_CO_TRY_VOID(co_await context.disk.run(forget));
  co_return dropped;
}

}  // namespace holdfast::transfer
