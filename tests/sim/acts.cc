// What is done with the file in each act, and what must be so after it.
#include <algorithm>

#include "holdfast/core/placement/happiness.h"
#include "holdfast/node/transfer/checker.h"
#include "holdfast/node/transfer/downloader.h"
#include "holdfast/node/transfer/repairer.h"
#include "sim/world.h"

namespace holdfast::sim {
namespace {

const std::string kTarget = "/home/target";

template <class T>
struct Outcome {
  std::optional<Result<T>> result;
};

io::Task<void> upload_into(const transfer::Context* context, transfer::UploadOptions options,
                           transfer::Progress* progress, Outcome<transfer::UploadReport>* out) {
  out->result = co_await transfer::upload_file(*context, kSource, std::move(options), *progress);
}

io::Task<void> download_into(const transfer::Context* context, cap::Cap cap, transfer::Progress* progress,
                             Outcome<transfer::DownloadReport>* out) {
  out->result =
      co_await transfer::download_file(*context, std::move(cap), kTarget, transfer::DownloadOptions{}, *progress);
}

class CheckingSink final : public transfer::Sink {
 public:
  CheckingSink(Trial& trial, ByteView right) : trial_(trial), rest_(right) {}
  io::Task<Result<void>> write(ByteView bytes) override {
    if (bytes.size() > rest_.size() || !equal(bytes, rest_.first(bytes.size())))
      trial_.violation("a download delivers wrong bytes");
    rest_ = rest_.subspan(std::min(rest_.size(), bytes.size()));
    co_return Result<void>{};
  }
  bool complete() const { return rest_.empty(); }

 private:
  Trial& trial_;
  ByteView rest_;
};

io::Task<void> stream_into(const transfer::Context* context, cap::Cap cap, CheckingSink* sink,
                           transfer::DownloadOptions options, transfer::Progress* progress,
                           Outcome<transfer::DownloadReport>* out) {
  out->result = co_await transfer::download(*context, std::move(cap), *sink, std::move(options), *progress);
}

io::Task<void> verify_into(const transfer::Context* context, cap::ChkVerifyCap cap, transfer::Progress* progress,
                           Outcome<transfer::CheckReport>* out) {
  transfer::CheckOptions options;
  options.verify = true;
  out->result = co_await transfer::check(*context, std::move(cap), options, *progress);
}

io::Task<void> repair_into(const transfer::Context* context, cap::ChkVerifyCap cap, transfer::Progress* progress,
                           Outcome<transfer::RepairReport>* out) {
  transfer::CheckOptions options;
  options.verify = true;
  out->result = co_await transfer::repair(*context, std::move(cap), options, *progress);
}

}  // namespace

transfer::UploadOptions World::upload_options() const {
  transfer::UploadOptions options;
  options.k = scenario_.k;
  options.happy = scenario_.happy;
  options.n = scenario_.n;
  options.segment_bytes_max = scenario_.segment_bytes;
  options.key_mode = scenario_.random_key ? transfer::KeyMode::random : transfer::KeyMode::convergent;
  return options;
}

/// With a key made by chance the shares are known only when the cap is.
void World::learn_file(const std::string& cap) {
  const cap::Cap parsed = cap::parse_cap(cap);
  const auto* read = std::get_if<cap::ChkReadCap>(&parsed);
  if (read == nullptr) return trial_.violation("not a cap: " + cap);
  file_ = expect(scenario_, plaintext_, client_.convergence(), &read->key);
  for (const auto& host : hosts_) host->witness.set_file(&*file_);
}

/// Who died when all was done begins with another key.
void World::forget_file() {
  file_.reset();
  for (const auto& host : hosts_) host->witness.set_file(nullptr);
}

void World::check_cap(const std::string& cap, const std::string& when) {
  // Where servers lie, shares of something else may be in the way of the file: it goes under another key then.
  const bool liars =
      std::ranges::any_of(scenario_.faults, [](const Fault& each) { return each.kind == FaultKind::liar; });
  if (!file_ || (liars && cap != file_->cap)) learn_file(cap);
  if (cap != file_->cap) trial_.violation(when + ": the cap is not that of the file");
}

/// Honest servers are looked at; of the others what they claim is believed, and without a report everything.
void World::check_placed(const transfer::UploadReport* report, const std::string& when) {
  placement::ShareMap map;
  for (const auto& host : hosts_) {
    std::set<ShareNumber>& counted = map[host->number];
    std::set<ShareNumber> claimed;
    for (ShareNumber share = 0; share < scenario_.n; ++share) claimed.insert(share);
    if (report != nullptr) {
      const auto it = std::ranges::find(report->servers, host->id, &transfer::ServerReport::id);
      if (it == report->servers.end()) {
        trial_.violation(when + ": no word of " + host->name);
        continue;
      }
      claimed = {it->shares.begin(), it->shares.end()};
    }
    if (host->road.absent) continue;
    if (!host->liar.honest() || !host->machine.up()) {
      counted = claimed;
      continue;
    }
    counted = host->witness.look();
    for (ShareNumber share : claimed) {
      if (report != nullptr && !counted.contains(share))
        trial_.violation(when + ": share " + std::to_string(share) + " is not on " + host->name);
    }
  }
  const std::size_t happiness = placement::happiness(map);
  if (happiness < scenario_.happy) trial_.violation(when + ": the happiness is " + std::to_string(happiness));
}

/// Bytes that a server had acknowledged are sent to it again only as header and tail, and where a run begins.
void World::check_waste() {
  if (!file_) return;
  const std::uint64_t edges = file_->data.begin + file_->tail.size();
  for (const auto& host : hosts_) {
    const std::uint64_t runs = trial_.figures.client_starts + host->witness.broken_writes + 1;
    const std::uint64_t bound = runs * scenario_.n * (edges + 2);
    if (host->liar.honest() && host->witness.held_and_sent_again > bound) {
      trial_.violation(std::to_string(host->witness.held_and_sent_again) + " bytes were sent again to " + host->name +
                       ", which had them");
    }
    trial_.figures.resent_bytes += host->witness.held_and_sent_again;
    host->witness.held_and_sent_again = 0;
  }
}

/// A share goes to another server when its own is silent, and not because the link was.
void World::check_copies() {
  if (!file_ || !scenario_.only_the_link_fails()) return;
  std::size_t copies = 0;
  for (const auto& host : hosts_) copies += host->witness.begun().size();
  if (copies > scenario_.n)
    trial_.violation(std::to_string(copies) + " copies of " + std::to_string(scenario_.n) + " shares were begun");
}

io::Task<void> World::upload(ClientNode* client, bool first) {
  Outcome<transfer::UploadReport> outcome;
  const std::string who = first ? "upload" : "the rival's upload";
  const ClientNode::Work work = [&](const transfer::Context& context, transfer::Progress& progress) {
    transfer::UploadOptions options = upload_options();
    options.on_proven = [&](const std::string& cap) {
      check_cap(cap, who + ", proven");
      check_placed(nullptr, who + ", proven");
    };
    outcome.result.reset();
    return upload_into(&context, std::move(options), &progress, &outcome);
  };
  for (std::size_t failures = 0;;) {
    if (scenario_.random_key) forget_file();
    const ClientNode::Ended ended = co_await client->run(work, longest(Act::upload));
    if (trial_.failed()) co_return;
    if (ended == ClientNode::Ended::late) co_return trial_.violation(who + " does not end");
    if (ended == ClientNode::Ended::by_itself && *outcome.result) break;
    if (ended == ClientNode::Ended::by_itself) {
      trial_.note(who + " fails: " + outcome.result->error().what);
      if (++failures > attempts_max())
        co_return trial_.violation(who + " fails again and again: " + outcome.result->error().what);
    }
    static_cast<void>(co_await io::sleep_for(std::chrono::milliseconds(random_.below(20'000))));
  }
  const transfer::UploadReport& report = **outcome.result;
  check_cap(report.cap, who);
  check_placed(&report, who);
  if (first) cap_ = report.cap;
  trial_.figures.share_bytes = report.share_bytes_total;
}

std::set<ShareNumber> World::right_shares() {
  std::set<ShareNumber> out;
  for (const auto& host : hosts_) {
    if (!host->liar.honest() || host->road.absent) continue;
    const std::set<ShareNumber> there = host->witness.look();
    out.insert(there.begin(), there.end());
  }
  return out;
}

void World::check_download(ClientNode& client) {
  const auto bytes = client.file(kTarget);
  if (bytes && *bytes != plaintext_)
    trial_.violation("a file of " + std::to_string(bytes->size()) + " bytes lies where the download should be");
}

io::Task<void> World::download(bool to_file) {
  Outcome<transfer::DownloadReport> outcome;
  std::optional<CheckingSink> sink;
  const cap::Cap cap = cap::parse_cap(cap_);
  Range range{0, plaintext_.size()};
  transfer::DownloadOptions options;
  if (!to_file && random_.below(2) == 0) {
    range.begin = random_.below(range.end);
    range.end = range.begin + 1 + random_.below(range.end - range.begin);
    options.range = range;
  }
  const ClientNode::Work work = [&](const transfer::Context& context, transfer::Progress& progress) {
    outcome.result.reset();
    if (to_file) return download_into(&context, cap, &progress, &outcome);
    sink.emplace(trial_, ByteView(plaintext_).subspan(range.begin, range.size()));
    return stream_into(&context, cap, &*sink, options, &progress, &outcome);
  };
  static_cast<void>(client_.disk().unlink(kTarget));
  static_cast<void>(client_.disk().sync_directory("/home"));
  const bool possible = right_shares().size() >= scenario_.k;
  for (std::size_t failures = 0;;) {
    const ClientNode::Ended ended = co_await client_.run(work, longest(Act::download) + longest(Act::repair));
    check_download(client_);
    if (trial_.failed()) co_return;
    if (ended == ClientNode::Ended::late) {
      if (possible) trial_.violation("a download does not end");
      co_return;
    }
    if (ended == ClientNode::Ended::by_itself && *outcome.result) break;
    if (ended == ClientNode::Ended::by_itself) {
      trial_.note("download fails: " + outcome.result->error().what);
      if (++failures > attempts_max()) {
        if (possible) trial_.violation("a download fails again and again: " + outcome.result->error().what);
        co_return;
      }
    }
    static_cast<void>(co_await io::sleep_for(std::chrono::milliseconds(random_.below(20'000))));
  }
  if (to_file && !client_.file(kTarget)) trial_.violation("a download that ended well left no file");
  if (!to_file && !sink->complete()) trial_.violation("a download that ended well was short");
}

/// No copy that is right is called wrong, and none is unknown where it is the link alone that fails.
io::Task<void> World::verify() {
  Outcome<transfer::CheckReport> outcome;
  const cap::ChkVerifyCap cap = transfer::verifiable(cap::parse_cap(cap_)).value();
  const ClientNode::Work work = [&](const transfer::Context& context, transfer::Progress& progress) {
    outcome.result.reset();
    return verify_into(&context, cap, &progress, &outcome);
  };
  for (;;) {
    const ClientNode::Ended ended = co_await client_.run(work, longest(Act::download) + longest(Act::repair));
    if (trial_.failed()) co_return;
    if (ended == ClientNode::Ended::late) co_return trial_.violation("a verify does not end");
    if (ended == ClientNode::Ended::by_itself) break;
    static_cast<void>(co_await io::sleep_for(std::chrono::milliseconds(random_.below(20'000))));
  }
  if (!*outcome.result) co_return trial_.note("verify fails: " + outcome.result->error().what);
  for (const transfer::ShareVerdict& verdict : (*outcome.result)->shares) {
    using State = transfer::ShareVerdict::State;
    Host& host = **std::ranges::find(hosts_, verdict.server, [](const auto& each) { return each->id; });
    if (!host.liar.honest()) continue;
    const bool right = host.witness.look().contains(verdict.share);
    const bool wronged = right ? verdict.state == State::corrupt : verdict.state == State::good;
    const bool given_up = verdict.state == State::unknown && scenario_.only_the_link_fails();
    if (wronged || given_up)
      trial_.violation("verify misjudges share " + std::to_string(verdict.share) + " on " + host.name + ": " +
                       verdict.reason);
  }
}

/// Some shares vanish, some rot; enough stay.
void World::damage() {
  std::map<ShareNumber, std::size_t> copies;
  for (const auto& host : hosts_) {
    if (!host->liar.honest() || host->road.absent) continue;
    for (ShareNumber share : host->witness.look()) ++copies[share];
  }
  std::size_t may_vanish = copies.size() > scenario_.k ? copies.size() - scenario_.k : 0;
  for (const auto& host : hosts_) {
    if (!host->liar.honest() || host->road.absent) continue;
    for (ShareNumber share : host->witness.look()) {
      if (random_.below(3) != 0) continue;
      if (copies[share] == 1 && may_vanish == 0) continue;
      if (copies[share] == 1) --may_vanish;
      --copies[share];
      trial_.note(host->name + " loses share " + std::to_string(share));
      host->witness.spoil(share, random_.below(3) == 0, random_);
    }
  }
}

io::Task<void> World::repair() {
  damage();
  const auto parsed = cap::parse_cap(cap_);
  const cap::ChkVerifyCap verify = transfer::verifiable(parsed).value();
  if (right_shares().size() < scenario_.k) co_return;
  Outcome<transfer::RepairReport> outcome;
  const ClientNode::Work work = [&](const transfer::Context& context, transfer::Progress& progress) {
    outcome.result.reset();
    return repair_into(&context, verify, &progress, &outcome);
  };
  for (std::size_t attempts = 0; attempts <= attempts_max();) {
    const ClientNode::Ended ended = co_await client_.run(work, longest(Act::repair));
    if (trial_.failed()) co_return;
    if (ended == ClientNode::Ended::late) co_return trial_.violation("a repair does not end");
    if (ended == ClientNode::Ended::by_itself) {
      ++attempts;
      if (!*outcome.result) trial_.note("repair fails: " + outcome.result->error().what);
      if (*outcome.result && (*outcome.result)->successful) break;
    }
    static_cast<void>(co_await io::sleep_for(std::chrono::milliseconds(random_.below(20'000))));
  }
  if (!outcome.result || !*outcome.result || !(*outcome.result)->successful) {
    co_return trial_.violation("a repair does not succeed" +
                               (outcome.result && !*outcome.result ? ": " + outcome.result->error().what : ""));
  }
  std::set<ShareNumber> there = right_shares();
  for (const transfer::ShareVerdict& verdict : (*outcome.result)->after.shares) {
    const auto host = std::ranges::find(hosts_, verdict.server, [](const auto& each) { return each->id; });
    if (verdict.state != transfer::ShareVerdict::State::good) continue;
    if (!(*host)->liar.honest())
      there.insert(verdict.share);
    else if (!(*host)->witness.look().contains(verdict.share))
      trial_.violation("a successful repair counts share " + std::to_string(verdict.share) + " on " + (*host)->name);
  }
  if (there.size() != scenario_.n)
    trial_.violation("a successful repair leaves " + std::to_string(there.size()) + " good shares");
}

}  // namespace holdfast::sim
