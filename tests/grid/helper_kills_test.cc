// F18: the helper is killed in every phase of its work: at each operation of its disk, and at each answer of a storage server.
#include <gtest/gtest.h>

#include "grid/helper_file.h"
#include "grid/memory_grid.h"
#include "holdfast/core/crypto/secrets.h"
#include "holdfast/edge/io/task_group.h"

namespace holdfast::test {
namespace {

using helper::HelperService;
using State = protocol::HelperState;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr unsigned kServers = 4;
constexpr std::uint64_t kStep = 120'000;

/// Where it dies, counted over all its processes.
struct Kill {
  enum class At { nowhere, disk, answer } at = At::nowhere;
  std::uint64_t number = 0;
};

class Life {
 public:
  Life(const HelperFile& file, Kill kill) : file_(file), kill_(kill) {
    for (const auto& server : grid_.servers) server->tamper = [this](Answer&) { hear_answer(); };
    if (kill.at == Kill::At::disk) grid_.files.power_off_from(kill.number);
  }

  /// A client sends everything; the helper starts anew; the client says that this was all, and waits for the end.
  void live() {
    process([this](HelperService& helper) { return send(helper); });
    if (!dead_) process([this](HelperService& helper) { return finish(helper); });
    resurrect();
  }
  /// With nobody connected.
  void go_on_alone() {
    process([](HelperService&) -> io::Task<void> { co_await io::sleep_for(seconds(60)); });
  }
  void client_comes_back() {
    process([this](HelperService& helper) { return send(helper); });
    process([this](HelperService& helper) { return finish(helper); });
  }

  const std::string& phase() const { return phase_; }
  bool sealed() const { return sealed_; }
  bool finished() const { return finished_; }
  std::uint64_t operations() const { return grid_.files.operations(); }
  std::uint64_t answers() const { return answers_; }
  bool is_stored() const {
    std::set<ShareNumber> right;
    for (const auto& server : grid_.servers) {
      for (const auto& [share, bytes] : server->shares) {
        EXPECT_EQ(bytes, file_.shares[share]);
        right.insert(share);
      }
    }
    return right.size() == HelperFile::kN;
  }
  std::size_t spooled() {
    return grid_.files.list(kIncoming).value().size() + grid_.files.list(kEncoding).value().size();
  }

 private:
  using Client = std::function<io::Task<void>(HelperService&)>;

  /// One process of the helper, and somebody who uses it; until he has what he wants, or it is dead.
  void process(Client client) {
    grid_.during([this, client = std::move(client)](const transfer::Context& context) { return run(context, client); });
  }
  io::Task<void> run(const transfer::Context& context, Client client) {
    HelperService helper(context, helper_options());
    const Result<void> opened = co_await helper.open();
    if (!opened) {
      EXPECT_TRUE(power_went()) << opened.error().what;
      die();
      co_return;
    }
    upload_ = helper.store().find(
        helper::job_name(file_.si, crypto::upload_secret_at_rest_id(the_asker().upload_secret.reveal())));
    io::TaskGroup group(co_await io::this_scope());
    group.spawn(helper.run());
    group.spawn(use(&helper, std::move(client), &group));
    if (kill_.at != Kill::At::nowhere) group.spawn(watch(&group));
    co_await group.join();
    upload_ = nullptr;
  }
  static io::Task<void> use(HelperService* helper, Client client, io::TaskGroup* group) {
    co_await client(*helper);
    group->cancel();
  }
  io::Task<void> watch(io::TaskGroup* group) {
    for (bool on = true; on && !dead_;) {
      on = co_await io::sleep_for(milliseconds(1));
      if (power_went()) die();
    }
    group->cancel();
  }

  io::Task<void> send(HelperService& helper) {
    const auto begun = co_await helper.begin(file_.si, file_.request(), the_asker());
    if (!begun || begun->state.kind != State::Kind::receiving) co_return;
    EXPECT_GE(begun->state.offset, durable_) << "what was acknowledged is lost";
    upload_ = helper.upload_of(begun->state.upload, the_asker());
    while (upload_->written < HelperFile::kBytes) {
      const std::uint64_t at = upload_->written;
      Buffer next = to_buffer(ByteView(file_.ciphertext).subspan(at, std::min(kStep, HelperFile::kBytes - at)));
      const Result<void> taken = co_await helper.store().append(upload_, at, std::move(next));
      if (!taken) co_return;
      const Result<void> synced = co_await helper.store().sync(upload_);
      if (!synced) co_return;
      durable_ = upload_->log.durable;
    }
  }
  io::Task<void> finish(HelperService& helper) {
    if (upload_ != nullptr && upload_->is_open()) {
      completing_ = true;
      const auto state = co_await helper.complete(upload_, file_.pieces, the_asker());
      if (!state) co_return;
      sealed_ = true;
    }
    for (;;) {
      const auto state = co_await helper.begin(file_.si, file_.request(), the_asker());
      if (!state) co_return;
      finished_ = state->state.kind == State::Kind::done || state->state.kind == State::Kind::present;
      if (finished_) co_return;
      const bool on = co_await io::sleep_for(milliseconds(100));
      if (!on) co_return;
    }
  }

  void hear_answer() {
    if (++answers_ == kill_.number && kill_.at == Kill::At::answer) {
      die();
      grid_.files.power_off_from(grid_.files.operations());
    }
  }
  bool power_went() const { return kill_.at == Kill::At::disk && operations() > kill_.number; }
  void die() {
    if (!std::exchange(dead_, true)) phase_ = phase_now();
  }
  void resurrect() {
    grid_.files.process_killed();
    kill_ = {};
    dead_ = false;
    upload_ = nullptr;
  }
  std::string phase_now() const {
    if (!completing_) return "fetch";
    if (upload_ != nullptr && upload_->is_open()) return "verify";
    std::size_t whole = 0, begun = 0;
    for (const auto& server : grid_.servers) {
      whole += server->shares.size();
      begun += server->uploads.size();
    }
    if (whole >= HelperFile::kN) return kill_.at == Kill::At::disk ? "remove" : "confirm";
    if (whole + begun > 0) return "push";
    const bool moved = upload_ == nullptr || (upload_->files.data_path().starts_with(kEncoding) &&
                                              upload_->files.journal_path().starts_with(kEncoding));
    return moved ? "encode" : "rename";
  }

  const HelperFile& file_;
  Kill kill_;
  MemoryGrid grid_{kServers};
  uploads::UploadPtr upload_;
  std::uint64_t durable_ = 0, answers_ = 0;
  bool completing_ = false, sealed_ = false, finished_ = false, dead_ = false;
  std::string phase_;
};

class HelperKills : public testing::Test {
 protected:
  /// What must be true whenever it was killed.
  void survive(Kill kill) {
    SCOPED_TRACE((kill.at == Kill::At::disk ? "operation " : "answer ") + std::to_string(kill.number));
    Life life(file_, kill);
    life.live();
    SCOPED_TRACE("in " + life.phase());
    if (!life.phase().empty()) ++killed_in_[life.phase()];
    life.go_on_alone();
    EXPECT_TRUE(!life.sealed() || life.is_stored()) << "what is whole goes to the grid with nobody connected";
    life.client_comes_back();
    EXPECT_TRUE(life.finished());
    EXPECT_TRUE(life.is_stored());
    EXPECT_EQ(life.spooled(), 0u);
  }

  const HelperFile file_;
  std::map<std::string, unsigned> killed_in_;
};

TEST_F(HelperKills, f18_in_fetch_verify_rename_encode_push_confirm_and_remove_it_goes_on) {
  Life undisturbed(file_, {});
  undisturbed.live();
  ASSERT_TRUE(undisturbed.finished() && undisturbed.is_stored());
  ASSERT_EQ(undisturbed.spooled(), 0u);
  for (std::uint64_t n = 0; n < undisturbed.operations() && !HasFailure(); ++n) survive({Kill::At::disk, n});
  for (std::uint64_t n = 1; n <= undisturbed.answers() && !HasFailure(); ++n) survive({Kill::At::answer, n});
  for (const char* phase : {"fetch", "verify", "rename", "encode", "push", "confirm", "remove"}) {
    EXPECT_GT(killed_in_[phase], 0u) << phase;
    std::printf("  %-8s %u kills\n", phase, killed_in_[phase]);
  }
}

}  // namespace
}  // namespace holdfast::test
