// What days do to a helper.
#include <gtest/gtest.h>

#include "grid/helper_file.h"
#include "grid/memory_grid.h"
#include "holdfast/edge/io/task_group.h"

namespace holdfast::test {
namespace {

using helper::HelperService;
using helper::JobPtr;
using State = protocol::HelperState;
using std::chrono::hours;
using std::chrono::minutes;

class HelperTime : public testing::Test {
 protected:
  using Work = std::function<io::Task<void>(HelperService&)>;

  explicit HelperTime(unsigned servers = HelperFile::kN) : grid_(servers) {}

  /// One process of the helper, for as long as the work takes.
  void process(Work work) {
    grid_.during([this, &work](const transfer::Context& context) { return run(context, work); });
  }
  io::Task<void> append(HelperService& helper, uploads::UploadPtr upload, std::uint64_t count) const {
    Buffer next = to_buffer(ByteView(file_.ciphertext).subspan(upload->written, count));
    const Result<void> taken = co_await helper.store().append(upload, upload->written, std::move(next));
    EXPECT_TRUE(taken.has_value());
    const Result<void> synced = co_await helper.store().sync(upload);
    EXPECT_TRUE(synced.has_value());
  }
  std::size_t spooled() {
    return grid_.files.list(kIncoming).value().size() + grid_.files.list(kEncoding).value().size();
  }

  const HelperFile file_;
  MemoryGrid grid_;

 private:
  static io::Task<void> run(const transfer::Context& context, const Work& work) {
    helper::ServiceOptions options = helper_options();
    options.give_up_seconds = 7 * 3'600;
    HelperService helper(context, options);
    const Result<void> opened = co_await helper.open();
    EXPECT_TRUE(opened.has_value());
    io::TaskGroup group(co_await io::this_scope());
    group.spawn(helper.run());
    group.spawn(use(&helper, &work, &group));
    co_await group.join();
  }
  static io::Task<void> use(HelperService* helper, const Work* work, io::TaskGroup* group) {
    co_await (*work)(*helper);
    group->cancel();
  }
};

TEST_F(HelperTime, of_an_idle_upload_the_job_is_forgotten_and_nothing_else) {
  process([this](HelperService& helper) -> io::Task<void> {
    const auto begun = co_await helper.begin(file_.si, file_.request(), the_asker());
    EXPECT_TRUE(begun.has_value());
    const uploads::UploadPtr upload = helper.upload_of(begun->state.upload, the_asker());
    co_await append(helper, upload, 120'000);
    const std::weak_ptr<helper::Job> job = helper.jobs().front();
    EXPECT_FALSE(job.expired());
    co_await io::sleep_for(minutes(10));
    EXPECT_TRUE(job.expired());

    const std::vector<JobPtr> shown = helper.jobs();
    EXPECT_EQ(shown.size(), 1u);
    EXPECT_EQ(shown.front()->phase, helper::Job::Phase::receiving);
    EXPECT_EQ(shown.front()->upload, upload);
    const auto state = co_await helper.state(file_.si, the_asker(), std::chrono::seconds(0));
    EXPECT_TRUE(state && state->offset == 120'000);
    co_await append(helper, upload, HelperFile::kBytes - 120'000);
    co_await io::sleep_for(minutes(10));
    const auto completed = co_await helper.complete(upload, file_.pieces, the_asker());
    EXPECT_TRUE(completed.has_value());
    co_await io::sleep_for(minutes(1));
    const auto done = co_await helper.state(file_.si, the_asker(), std::chrono::seconds(0));
    EXPECT_TRUE(done && done->kind == State::Kind::done);
  });
  EXPECT_EQ(spooled(), 0u);
}

TEST_F(HelperTime, an_idle_upload_can_be_dropped_by_its_name) {
  process([this](HelperService& helper) -> io::Task<void> {
    static_cast<void>(co_await helper.begin(file_.si, file_.request(), the_asker()));
    co_await io::sleep_for(minutes(10));
    const std::string name = helper.jobs().front()->name;
    const Result<void> dropped = co_await helper.drop_job(name);
    EXPECT_TRUE(dropped.has_value());
    EXPECT_TRUE(helper.jobs().empty());
  });
  EXPECT_EQ(spooled(), 0u);
}

class WithoutEnoughServers : public HelperTime {
 protected:
  WithoutEnoughServers() : HelperTime(1) {}
};

TEST_F(WithoutEnoughServers, a_file_that_cannot_be_pushed_is_given_up_after_its_time_over_all_restarts) {
  process([this](HelperService& helper) -> io::Task<void> {
    const auto begun = co_await helper.begin(file_.si, file_.request(), the_asker());
    EXPECT_TRUE(begun.has_value());
    const uploads::UploadPtr upload = helper.upload_of(begun->state.upload, the_asker());
    co_await append(helper, upload, HelperFile::kBytes);
    static_cast<void>(co_await helper.complete(upload, file_.pieces, the_asker()));
    co_await io::sleep_for(hours(3));
  });
  EXPECT_EQ(spooled(), 2u);
  const auto three_hours = [](HelperService&) -> io::Task<void> { co_await io::sleep_for(hours(3)); };
  process(three_hours);
  EXPECT_EQ(spooled(), 2u) << "after six hours";
  process(three_hours);
  EXPECT_EQ(spooled(), 0u) << "after nine hours";
  process([this](HelperService& helper) -> io::Task<void> {
    EXPECT_EQ(helper.given_up().size(), 1u) << "its operator can still read why";
    if (helper.given_up().empty()) co_return;
    const helper::GivenUp known = helper.given_up().front();
    EXPECT_EQ(known.size, HelperFile::kBytes);
    EXPECT_FALSE(known.reason.empty());
    EXPECT_GT(known.wall_seconds, 0);
    EXPECT_EQ(helper.retry_now(known.id).error().code, Errc::conflict) << "nothing of it is left";
    const Result<void> dropped = co_await helper.drop_job(known.id);
    EXPECT_TRUE(dropped.has_value());
    EXPECT_EQ(helper.retry_now(known.id).error().code, Errc::not_found);
    const auto again = co_await helper.begin(file_.si, file_.request(), the_asker());
    EXPECT_TRUE(again && again->created);
  });
  process([](HelperService& helper) -> io::Task<void> {
    EXPECT_TRUE(helper.given_up().empty());
    co_return;
  });
}

}  // namespace
}  // namespace holdfast::test
