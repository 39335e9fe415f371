#include "holdfast/node/transfer/helper_uploader.h"

#include <algorithm>
#include <set>

#include "holdfast/core/base/base32.h"
#include "holdfast/core/immutable/uri_extension.h"
#include "holdfast/edge/io/task_group.h"
#include "holdfast/node/transfer/helper_holdings.h"
#include "holdfast/node/transfer/helper_rules.h"
#include "holdfast/node/transfer/helper_session.h"
#include "holdfast/node/transfer/placement_proof.h"
#include "holdfast/node/transfer/sample_proof.h"
#include "holdfast/node/transfer/share_proof.h"

namespace holdfast::transfer {
namespace {

using Ending = HelperEnd::Kind;
using State = protocol::HelperState;

constexpr unsigned kLiesMax = 2;      // of one helper, before the next one is asked
constexpr unsigned kForeignMax = 16;  // extension blocks of others that are rejected, one after another

io::Task<void> run_front(CiphertextFront* front, Result<void>* out) {
  *out = co_await front->run();
}

class HelperUpload {
 public:
  HelperUpload(const Context& context, const Prepared& prepared, const UploadOptions& options, Progress& progress)
      : context_(context),
        prepared_(prepared),
        options_(options),
        progress_(progress),
        link_(context.loop, context.random, options.patience),
        client_id_(random_client_id(context.random)),
        master_(master_of(context, prepared.journal)),
        start_(context.loop.now()) {}

  io::Task<Result<HelperOutcome>> run() {
    const std::vector<grid::UploadHelper*> helpers = co_await in_order();
    left_.insert(helpers.begin(), helpers.end());
    for (grid::UploadHelper* helper : helpers) {
      left_.erase(helper);
      HF_CO_TRY(const bool done, co_await try_helper(*helper));
      if (done) break;
    }
    out_.via.bytes_sent = tally_.bytes_sent;
    out_.via.bytes_resent = tally_.bytes_resent;
    out_.via.bytes_skipped = tally_.bytes_skipped;
    out_.via.pieces_wrong = tally_.pieces_wrong;
    if (out_.report) complete_report(*out_.report);
    co_return std::move(out_);
  }

 private:
  /// What is made of a session's end.
  enum class Verdict {
    done,
    lied,
    around,
    old_uploader,  // the same file with more fields: once more, with that block
    foreign,       // somebody else's shares: once more, without counting them
  };
  struct Session {
    std::optional<Bytes> original;
    std::vector<Hash> reject;
  };

  protocol::HelperRequest request(const std::vector<Hash>& reject) const {
    const PutJournal& journal = prepared_.journal;
    // Without servers of our own nobody but the helper can look at what is there already.
    return {journal.source.size,     journal.k, journal.n, options_.happy, prepared_.geometry.segment_size(), reject,
            context_.servers.empty()};
  }

  /// With one there is nothing to choose: the first question begins the upload.
  io::Task<std::vector<grid::UploadHelper*>> in_order() {
    if (context_.helpers.size() < 2) co_return context_.helpers;
    progress_.phase = Phase::asking;
    const std::vector<std::optional<State>> states =
        co_await ask_helpers(context_, prepared_.journal, client_id_, options_.patience.silence);
    std::vector<grid::UploadHelper*> out;
    for (std::size_t position : preferred_order(states)) out.push_back(context_.helpers[position]);
    co_return out;
  }

  /// True when it is done. Whatever the helper does, it gets no more than a few chances.
  io::Task<Result<bool>> try_helper(grid::UploadHelper& helper) {
    Session session;
    for (unsigned lies = 0; lies < kLiesMax;) {
      std::string why, upload;
      HF_CO_TRY(const Verdict verdict, co_await try_once(helper, session, why, upload));
      switch (verdict) {
        case Verdict::done:
          co_return true;
        case Verdict::around:
          out_.warnings.push_back("going around " + helper.name() + ": " + why);
          co_return false;
        case Verdict::old_uploader:
        case Verdict::foreign:
          continue;
        case Verdict::lied:
          break;
      }
      ++lies;
      out_.warnings.push_back(why);
      if (upload.empty()) continue;
      const grid::HelperIdentity who = identity_at(helper, master_, client_id_);
      static_cast<void>(co_await helper.drop(upload, who));
    }
    out_.warnings.push_back("going around " + helper.name() + ": it lied again");
    co_return false;
  }

  io::Task<Result<Verdict>> try_once(grid::UploadHelper& helper, Session& session, std::string& why,
                                     std::string& upload) {
    const grid::HelperIdentity who = identity_at(helper, master_, client_id_);
    // A sample wants servers to be read from.
    const Proof proof = context_.servers.empty() ? Proof::full : options_.proof;
    CiphertextFront front(context_, prepared_, proof, session.original);
    io::TaskGroup beside(co_await io::this_scope());
    Result<void> passed;
    beside.spawn(run_front(&front, &passed));
    HelperSession::Job job{context_, link_, prepared_, helper, who, request(session.reject), progress_, tally_, {}};
    job.another_way = [this] { return another_way(); };
    HelperSession talk(std::move(job), front);
    Result<HelperEnd> end = co_await talk.run();
    Result<Verdict> verdict = Verdict::around;
    upload = talk.upload();
    if (!end) {
      verdict = tl::make_unexpected(end.error());
    } else if (end->kind == Ending::shown) {
      // Of what nothing was sent, the helper made nothing: it was there, or was repaired from there.
      const bool was_there = end->state.kind == State::Kind::present || upload.empty();
      verdict = co_await judge(helper, front, end->state, was_there, session, why);
    } else {
      why = end->why;
      if (end->kind == Ending::lied) verdict = Verdict::lied;
    }
    beside.cancel();
    co_await beside.join();
    co_return verdict;
  }

  /// Its extension block beside our own, and its placement beside what the servers say.
  io::Task<Result<Verdict>> judge(grid::UploadHelper& helper, CiphertextFront& front, const State& state,
                                  bool was_there, Session& session, std::string& why) {
    progress_.phase = Phase::proving;
    progress_.note.clear();
    front.let_go();
    const Result<void> finished = co_await front.finished();
    // With the block of an old uploader this pass compares the roots; the fields agreed before.
    if (!finished) co_return tl::make_unexpected(finished.error());
    const Bytes own = front.extension_beside(state.ueb);
    switch (compare_ueb(own, state.ueb, prepared_.journal.k)) {
      case UebMatch::same:
        break;
      case UebMatch::old_uploader:
        if (front.proof() == Proof::sample) break;
        if (session.original) co_return around(why, helper.name() + " shows one extension block after another");
        session.original = state.ueb;
        co_return Verdict::old_uploader;
      case UebMatch::foreign:
        if (was_there && session.reject.size() < kForeignMax) {
          out_.warnings.push_back(
              "shares of something else lie under the storage index of this file; they are not counted");
          session.reject.push_back(immutable::uri_extension_hash(state.ueb));
          session.original.reset();
          co_return Verdict::foreign;
        }
        why = helper.name() + " lies: what it made of the file is not the file";
        co_return Verdict::lied;
    }
    co_return co_await prove(helper, front, state, why);
  }

  static Verdict around(std::string& why, std::string what) {
    why = std::move(what);
    return Verdict::around;
  }

  io::Task<Result<ProvenPlacement>> prove_fully(CiphertextFront& front) {
    const CopyProof proof = [this, &front](grid::StorageServer& server, ShareNumber share) {
      RangeSet everything;
      everything.add(front.encoder().layout().data());
      return prove_share(context_, front.encoder(), server, prepared_.journal.storage_index, share,
                         std::move(everything));
    };
    co_return co_await prove_placement(context_, link_, prepared_.journal.storage_index, prepared_.journal.n,
                                       options_.happy, proof);
  }

  io::Task<Result<ProvenPlacement>> prove_by_sample(CiphertextFront& front, ByteView ueb) {
    const PutJournal& journal = prepared_.journal;
    const SegmentNumber segments = prepared_.geometry.num_segments(), segment = context_.random.below(segments);
    HF_CO_TRY(std::vector<Hash> blocks, co_await front.block_hashes(segment));
    const immutable::FileClaim claim{immutable::uri_extension_hash(ueb), journal.k, journal.n, journal.source.size};
    SampleProof sample(context_, link_, journal.storage_index, claim, segment, std::move(blocks));
    const CopyProof proof = [&sample](grid::StorageServer& server, ShareNumber share) {
      return sample.prove(server, share);
    };
    co_return co_await prove_placement(context_, link_, journal.storage_index, journal.n, options_.happy, proof);
  }

  io::Task<Result<Verdict>> prove(grid::UploadHelper& helper, CiphertextFront& front, const State& state,
                                  std::string& why) {
    ProvenPlacement placement;
    if (!context_.servers.empty()) {
      Result<ProvenPlacement> proven = fail(Errc::cancelled, "");
      if (front.proof() == Proof::full) {
        proven = co_await prove_fully(front);
      } else {
        proven = co_await prove_by_sample(front, state.ueb);
      }
      HF_CO_TRY(placement, std::move(proven));
      if (placement.happiness < options_.happy) {
        if (placement.servers_answering == 0)
          co_return around(why, "no server answers, so nothing can be proven of what " + helper.name() + " says");
        // It lied, or the grid has lost them: sending all of it again to the same helper would not tell.
        std::string what = helper.name() + " says that the file is in the grid, but the servers prove a happiness of " +
                           std::to_string(placement.happiness) + " only, and " + std::to_string(options_.happy) +
                           " is asked for";
        if (!placement.problems.empty()) what += " (" + placement.problems.front() + ")";
        co_return around(why, std::move(what));
      }
    }
    out_.via.proven = !context_.servers.empty();
    out_.via.proof = front.proof();
    const std::string cap = cap_of(prepared_.journal, immutable::uri_extension_hash(state.ueb));
    if (options_.on_proven) options_.on_proven(cap);
    const std::vector<std::string> without =
        co_await add_own_leases(context_, master_, prepared_.journal.storage_index, placement);
    for (const std::string& name : without)
      out_.warnings.push_back(
          name + " did not take a lease of this node; its shares are kept as long as those of others last");
    report_on(helper, state, placement, cap);
    co_return Verdict::done;
  }

  void report_on(const grid::UploadHelper& helper, const State& state, const ProvenPlacement& placement,
                 const std::string& cap) {
    UploadReport& report = out_.report.emplace();
    out_.via.name = helper.name();
    report.cap = cap;
    const immutable::ShareLayout::Choice choice{0, state.ueb.size()};
    report.share_bytes_total = immutable::ShareLayout(prepared_.geometry, choice).size() * prepared_.journal.n;
    report.happiness = placement.happiness;
    report.shares_placed = static_cast<unsigned>(out_.via.proven ? placement.copies.size() : state.shares.size());
    for (const grid::StorageServer* server : context_.servers) {
      ServerReport& each = report.servers.emplace_back();
      each.id = server->id();
      each.name = server->name();
      for (const auto& [share, holders] : placement.copies) {
        if (std::ranges::find(holders, server) != holders.end()) each.shares.push_back(share);
      }
    }
    if (!out_.via.proven)
      out_.warnings.push_back("this node knows no storage server: that the shares are placed is the word of " +
                              helper.name());
    if (out_.via.proof == Proof::sample)
      out_.warnings.push_back(
          "by sample: the ciphertext is the file's by its hashes, and one segment was found in every share that is "
          "counted; "
          "that all of every share is right is the word of " +
          helper.name());
    progress_.shares_placed = report.shares_placed;
  }

  void complete_report(UploadReport& report) const {
    report.storage_index = to_string(prepared_.journal.storage_index);
    report.file_bytes = prepared_.journal.source.size;
    report.bytes_sent = tally_.bytes_sent;
    report.bytes_resent = tally_.bytes_resent;
    report.bytes_skipped = tally_.bytes_skipped;
    report.cuts = tally_.cuts;
    report.shares_total = prepared_.journal.n;
    report.happy = options_.happy;
    report.warnings = out_.warnings;
    report.via = out_.via;
    report.seconds = std::chrono::duration<double>(context_.loop.now() - start_).count();
  }

  struct Answered {
    io::TaskGroup* group;
    bool any = false;
  };
  static io::Task<void> ask_server(grid::StorageServer* server, Answered* answered) {
    const auto version = co_await server->version();
    if (!version) co_return;
    answered->any = true;
    answered->group->cancel();
  }
  static io::Task<void> ask_helper(grid::UploadHelper* helper, Answered* answered) {
    const auto version = co_await helper->version();
    if (!version) co_return;
    answered->any = true;
    answered->group->cancel();
  }
  /// Helpers that were not tried yet, and the servers. The first answer is enough.
  io::Task<bool> another_way() {
    io::TaskGroup group(co_await io::this_scope());
    Answered answered{&group};
    for (grid::StorageServer* server : context_.servers) group.spawn(ask_server(server, &answered));
    for (grid::UploadHelper* helper : left_) group.spawn(ask_helper(helper, &answered));
    co_await group.join();
    co_return answered.any;
  }

  const Context& context_;
  const Prepared& prepared_;
  const UploadOptions& options_;
  Progress& progress_;
  Link link_;
  const std::string client_id_;
  const Secret master_;
  const io::Time start_;
  std::set<grid::UploadHelper*> left_;  // not tried yet
  HelperTally tally_;
  HelperOutcome out_;
};

}  // namespace

io::Task<Result<HelperOutcome>> upload_through_helpers(const Context& context, const Prepared& prepared,
                                                       const UploadOptions& options, Progress& progress) {
  HelperUpload upload(context, prepared, options, progress);
  co_return co_await upload.run();
}

}  // namespace holdfast::transfer
