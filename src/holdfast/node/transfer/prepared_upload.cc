#include "holdfast/node/transfer/prepared_upload.h"

#include "holdfast/core/cap/cap.h"
#include "holdfast/core/crypto/secrets.h"
#include "holdfast/node/transfer/segment_source.h"

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

io::Task<Result<void>> write_down(const Context& context, const PutJournal& journal, const std::string& path) {
  auto write = [&]() -> Result<void> {
    HF_TRY_VOID(io::make_lasting_directory(context.files, context.journal_directory));
    return io::write_file_atomically(context.files, path, encode(journal), io::Open::create_private);
  };
  co_return co_await context.disk.run(write);
}

}  // namespace

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
    const bool as_before = known->happy == options.happy && known->proof == options.proof;
    known->happy = options.happy;
    known->proof = options.proof;
    // What was asked for last is what `transfers resume` goes on with.
    if (!as_before && purpose == Purpose::upload) {
      HF_CO_TRY_VOID(co_await write_down(context, *known, journal_path));
    }
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
  journal.proof = options.proof;
  journal.segment_bytes_max = options.segment_bytes_max;
  journal.segment_bytes = geometry.segment_size();
  journal.key_mode = options.key_mode;
  journal.key = pass.key;
  journal.storage_index = cap::storage_index_of(pass.key);
  journal.piece_digests = std::move(pass.piece_digests);
  journal.started_wall_seconds = context.loop.wall_seconds();
  // What is hashed in a moment is not worth two syncs; the key of its content will be the same.
  const bool saves_work = options.key_mode == KeyMode::random || journal.source.size > kJournalFromBytes;
  if (saves_work && purpose == Purpose::upload) {
    HF_CO_TRY_VOID(co_await write_down(context, journal, journal_path));
  }
  Prepared prepared{std::move(journal), geometry, journal_path};
  co_return prepared;
}

Secret master_of(const Context& context, const PutJournal& journal) {
  if (journal.key_mode == KeyMode::convergent)
    return crypto::convergent_upload_master(context.convergence, journal.key.view());
  return crypto::private_upload_master(context.lease_secret, journal.storage_index);
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

}  // namespace holdfast::transfer
