// The helper's work: take ciphertext in, look whether the grid has it already, encode, push, and tell those who ask.
#pragma once

#include "holdfast/core/base/secret.h"
#include "holdfast/node/helper/given_up.h"
#include "holdfast/node/helper/helper_job.h"
#include "holdfast/node/transfer/context.h"

namespace holdfast::helper {

struct ServiceOptions {
  uploads::StoreOptions store;
  io::Duration look_silence = std::chrono::seconds(5);  // a server that does not answer has nothing
  std::size_t pushes_at_once = 4;                       // of large files, and as many of small ones
  std::uint64_t give_up_seconds = 604'800;              // of pushing a file to a grid that does not take it
  std::string given_up_path;                            // empty: what was given up is forgotten with the process
};

struct ServiceCounters {
  std::uint64_t asked = 0, present = 0, repaired = 0, pushed = 0, push_failures = 0, failed = 0;
  std::uint64_t present_bytes = 0, pushed_bytes = 0, share_bytes_resent = 0;
  double push_seconds = 0;
};

/// Who asks. An upload belongs to (storage index, at-rest id of the secret); to others it is not there.
struct Asker {
  Secret upload_secret;
  std::string client_id;
};

class HelperService {
 public:
  /// `context` knows the grid; its lease secret is the helper's own.
  HelperService(transfer::Context context, ServiceOptions options);
  ~HelperService();

  /// Takes over what an earlier process left; whole uploads go on by themselves once run() runs.
  io::Task<Result<void>> open();
  /// Until the scope is cancelled; what is unfinished stays for the next start.
  io::Task<void> run();

  struct Answer {
    protocol::HelperState state;
    bool created = false;
  };
  /// Errors: malformed, conflict (other parameters than before), unsupported (too large), no_space.
  io::Task<Result<Answer>> begin(StorageIndex si, protocol::HelperRequest request, Asker asker);
  /// Errors: not_found. Waits at most so long for another state than the present one.
  io::Task<Result<protocol::HelperState>> state(StorageIndex si, Asker asker, std::chrono::seconds wait);

  /// The upload of a token, if it is this asker's. Nothing otherwise.
  uploads::UploadPtr upload_of(std::string_view token, const Asker& asker) const;
  /// Everything is here: seals, and starts the push. Errors: as UploadStore::seal.
  io::Task<Result<protocol::HelperState>> complete(uploads::UploadPtr upload, Hash pieces, Asker asker);
  io::Task<void> drop(uploads::UploadPtr upload);

  // For operators; `name` is a job's. Errors: not_found; retry_now: conflict when nothing is left to try with.
  std::vector<JobPtr> jobs() const;
  const std::vector<GivenUp>& given_up() const { return given_up_.items(); }
  Result<void> retry_now(const std::string& name);
  io::Task<Result<void>> drop_job(std::string name);

  uploads::UploadStore& store() { return store_; }
  const uploads::UploadStore& store() const { return store_; }
  const transfer::Context& context() const { return context_; }
  const ServiceCounters& counters() const { return counters_; }
  const ServiceOptions& options() const { return options_; }

 private:
  protocol::HelperState state_of(const Job& job, const Asker& asker) const;
  void enter(Job& job, Job::Phase phase);
  io::Task<Result<void>> look(JobPtr job, std::set<Hash> reject, Hash owner);
  io::Task<Result<void>> receive(JobPtr job, Hash owner);
  io::Task<void> repair(JobPtr job, Bytes uri_extension, Hash owner);
  io::Task<void> push(JobPtr job);
  io::Task<Result<void>> push_once(JobPtr job);
  io::Task<bool> wait_to_retry(JobPtr job);
  io::Task<void> sweep();
  JobPtr job_of(const uploads::UploadPtr& upload) const;
  JobPtr find_job(const std::string& name);
  JobPtr take_out(const std::string& name);
  void forget_jobs();
  bool may_forget(const JobPtr& job, io::Time answered_before) const;
  io::Task<void> give_up(JobPtr job, std::string reason);
  io::Task<void> no_longer_given_up(std::string name);
  io::Task<void> write_given_up();
  Result<void> read_given_up();
  io::Semaphore& slots_for(const Job& job);

  const transfer::Context context_;
  const ServiceOptions options_;
  uploads::UploadStore store_;
  std::map<std::string, JobPtr> jobs_;  // but of uploads that are received and idle
  io::Semaphore large_slots_, small_slots_;
  GivenUpList given_up_;
  io::Semaphore writing_given_up_;
  io::TaskGroup work_;
  bool running_ = false;  // else nobody would wait for what is spawned
  ServiceCounters counters_;
};

}  // namespace holdfast::helper
