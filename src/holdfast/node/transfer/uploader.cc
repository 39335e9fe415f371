#include "holdfast/node/transfer/uploader.h"

#include <algorithm>

#include "holdfast/core/base/base32.h"
#include "holdfast/core/cap/cap.h"
#include "holdfast/core/crypto/secrets.h"
#include "holdfast/core/immutable/uri_extension.h"
#include "holdfast/node/transfer/grid_push.h"
#include "holdfast/node/transfer/helper_holdings.h"
#include "holdfast/node/transfer/helper_uploader.h"
#include "holdfast/node/transfer/prepared_upload.h"

namespace holdfast::transfer {
namespace {

io::Task<Result<std::string>> literal(const Context& context, const SourceIdentity& source,
                                      const std::optional<Hash>& content_sha256) {
  auto job = [&] { return io::read_file(context.files, source.path, cap::kLiteralBytesMax + 1); };
  HF_CO_TRY(Bytes bytes, co_await context.disk.run(job));
  if (bytes.size() != source.size) co_return fail(Errc::changed, source.path + " changed while it was being read");
  if (content_sha256 && crypto::sha256(bytes) != *content_sha256)
    co_return fail(Errc::corrupt, source.path + " is not what was received");
  const cap::Cap made = cap::LitCap{std::move(bytes), false};
  co_return cap::to_string(made);
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
                                    Progress& progress, Pushed& pushed) {
  const io::Time start = context.loop.now();
  const PutJournal& journal = prepared.journal;
  const auto source = make_file_source(context, journal, prepared.geometry);
  PushPlan plan{journal.storage_index, master_of(context, journal), prepared.geometry, &journal.key};
  plan.begun_before = prepared.begun_before;
  plan.wishes.happy = options.happy;
  plan.wishes.patience = options.patience;
  if (options.key_mode == KeyMode::random) plan.wishes.what_goes_on = "`holdfast repair` with its cap makes it";
  plan.on_happy = [&](const Hash& ueb_hash) {
    if (options.on_proven) options.on_proven(cap_of(journal, ueb_hash));
  };
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

/// Through a helper if one will do, else direct.
io::Task<Result<UploadReport>> send(const Context& context, const Prepared& prepared, const UploadOptions& options,
                                    Progress& progress, bool& foreign) {
  Pushed pushed;
  if (context.helpers.empty()) {
    Result<UploadReport> direct = co_await push(context, prepared, options, progress, pushed);
    foreign = pushed.foreign > 0;
    co_return direct;
  }
  HF_CO_TRY(HelperOutcome tried, co_await upload_through_helpers(context, prepared, options, progress));
  if (tried.report) co_return std::move(*tried.report);
  progress.note = tried.warnings.empty() ? "" : tried.warnings.back();
  progress.done_bytes = progress.skipped_bytes = progress.kept_bytes = 0;
  Result<UploadReport> report = co_await push(context, prepared, options, progress, pushed);
  foreign = pushed.foreign > 0;
  if (!report) {
    for (const std::string& warning : tried.warnings) context.log.warning(warning);
    co_return report;
  }
  report->warnings.insert(report->warnings.begin(), tried.warnings.begin(), tried.warnings.end());
  report->bytes_sent += tried.via.bytes_sent;
  report->via = tried.via;
  co_return report;
}

/// Unless it is that of another put, which has begun the same path anew meanwhile: nobody else knows its key.
io::Task<void> forget_journal(const Context& context, std::string journal_path, StorageIndex ours) {
  auto forget = [&]() -> Result<void> {
    HF_TRY(const Bytes bytes, io::read_file(context.files, journal_path, kPutJournalBytesMax));
    const Result<PutJournal> there = decode_put_journal(bytes);
    if (there && there->storage_index != ours) return {};
    return context.files.unlink(journal_path);
  };
  static_cast<void>(co_await context.disk.run(forget));
}

bool handed_over(const UploadOptions& options, const UploadReport& report) {
  return !options.on_stored || options.on_stored(report);
}

/// What is true of all of them; an answer of one is enough to go on. Errors: unavailable; unauthorized (all are strangers).
Result<void> check_answers(const std::vector<ServerFacts>& servers) {
  if (std::ranges::any_of(servers, &ServerFacts::answered)) return {};
  const auto stranger = [](const ServerFacts& each) { return each.problem.code == Errc::unauthorized; };
  const Errc code = std::ranges::all_of(servers, stranger) ? Errc::unauthorized : Errc::unavailable;
  return fail(code, "none of " + std::to_string(servers.size()) + " servers answers (" + servers[0].problem.what + ")");
}

/// `foreign`: what is in the way of it are shares of something else. `warning`: of a report, unless it is empty.
io::Task<Result<UploadReport>> upload_once(const Context& context, SourceIdentity source, const UploadOptions& options,
                                           Progress& progress, bool& foreign, std::string warning) {
  HF_CO_TRY(const Prepared prepared, co_await prepare(context, std::move(source), options, Purpose::upload, progress));
  Result<UploadReport> report = co_await send(context, prepared, options, progress, foreign);
  if (report && !warning.empty()) report->warnings.push_back(std::move(warning));
  // Finished, or built on a file that is no more: either way the journal has nothing left to save.
  const bool over = report ? handed_over(options, *report) : report.error().code == Errc::changed;
  if (over) co_await forget_journal(context, prepared.journal_path, prepared.journal.storage_index);
  co_return report;
}

}  // namespace

Result<void> check_options(const UploadOptions& options) {
  if (options.k < 1 || options.k > options.n || options.n > kSharesMax || options.happy < 1 ||
      options.happy > options.n) {
    return fail(Errc::malformed, "shares must satisfy 1 <= k <= N <= 256 and 1 <= happy <= N");
  }
  return {};
}

io::Task<Result<UploadReport>> upload_file(const Context& context, std::string path, UploadOptions options,
                                           Progress& progress) {
  HF_CO_TRY_VOID(check_options(options));
  auto identifying = [&] { return identify(context.files, path); };
  HF_CO_TRY(const SourceIdentity source, co_await context.disk.run(identifying));
  progress.file_bytes = source.size;
  if (source.size <= cap::kLiteralBytesMax) {
    UploadReport report;
    HF_CO_TRY(report.cap, co_await literal(context, source, options.content_sha256));
    report.file_bytes = source.size;
    if (options.on_proven) options.on_proven(report.cap);
    static_cast<void>(handed_over(options, report));  // there is no journal
    progress.phase = Phase::done;
    co_return report;
  }
  bool foreign = false;
  Result<UploadReport> report = co_await upload_once(context, source, options, progress, foreign, {});
  const bool in_the_way = !report && report.error().code == Errc::unhappy && foreign;
  if (in_the_way && options.key_mode == KeyMode::convergent) {
    options.key_mode = KeyMode::random;
    progress = Progress{};
    progress.file_bytes = source.size;
    std::string warning =
        "shares of something else lie under the storage index of this file, on so many servers that it was uploaded "
        "under a random key: this cap is not the one that the same file gives elsewhere";
    report = co_await upload_once(context, source, options, progress, foreign, std::move(warning));
    if (report) {
      options.key_mode = KeyMode::convergent;
      const std::string earlier = put_journal_path(context.journal_directory, path, options);
      auto forget = [&] { return context.files.unlink(earlier); };
      static_cast<void>(co_await context.disk.run(forget));
    }
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
  HF_CO_TRY_VOID(check_answers(servers));
  const placement::Facts facts = placement_facts(servers, options.n, layout.size());
  const placement::Plan plan = placement::plan(facts);
  out.storage_index = to_string(si);
  out.happiness = static_cast<unsigned>(placement::happiness(placement::planned_shares(facts, plan)));
  out.enough = out.happiness >= out.happy;
  out.servers_asked = static_cast<unsigned>(servers.size());
  out.servers_answered = static_cast<unsigned>(std::ranges::count_if(servers, &ServerFacts::answered));
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

io::Task<Result<Aborted>> cancel_upload(const Context& context, const std::string& journal_path) {
  auto read = [&]() -> Result<PutJournal> {
    HF_TRY(const Bytes bytes, io::read_file(context.files, journal_path, kPutJournalBytesMax));
    return decode_put_journal(bytes);
  };
  Result<PutJournal> journal = co_await context.disk.run(read);
  Aborted dropped;
  if (journal) {
    static_cast<void>(co_await drop_at_helpers(context, *journal));
    dropped = co_await abort_partials(context, master_of(context, *journal), journal->storage_index);
  } else if (journal.error().code == Errc::not_found) {
    co_return tl::make_unexpected(journal.error());
  }
  auto forget = [&] { return context.files.unlink(journal_path); };
  HF_CO_TRY_VOID(co_await context.disk.run(forget));
  co_return dropped;
}

}  // namespace holdfast::transfer
