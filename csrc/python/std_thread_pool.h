// A ThreadPool over std::thread, for programs that have none of their own.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "../kernels/thread_pool.h"

namespace monet {

// `threads` counts the caller of Run, which works too. One Run at a time.
class StdThreadPool : public ThreadPool {
 public:
  explicit StdThreadPool(int threads);
  ~StdThreadPool() override;

  int num_threads() const override { return static_cast<int>(workers_.size()) + 1; }
  void Run(int tasks, FunctionRef<void(int)> task) override;

 private:
  void WorkerLoop();
  // Takes tasks of the current job until none is left. `lock` is held on entry and on return.
  void Work(std::unique_lock<std::mutex>& lock);
  // Waits for `ready`, at first awake: the next pass of a kernel follows within microseconds, and waking a thread takes
  // tens of them. `lock` is held on entry and on return; `ready` is called without it too.
  template <typename Ready>
  void WaitFor(std::unique_lock<std::mutex>& lock, std::condition_variable& changed, Ready ready);

  std::mutex mutex_;
  std::condition_variable job_posted_, job_done_;
  // Written under the mutex.
  const FunctionRef<void(int)>* task_ = nullptr;
  int tasks_ = 0;
  std::atomic<int> unclaimed_{0}, running_{0};
  std::atomic<bool> stopping_{false};
  std::vector<std::thread> workers_;
};

// Lends out pools and keeps them for the next call, so that threads are started once.
class ThreadPoolCache {
 public:
  class Lease {
   public:
    Lease(ThreadPoolCache& cache, int threads);
    ~Lease();
    Lease(const Lease&) = delete;
    ThreadPool& pool() { return *pool_; }

   private:
    ThreadPoolCache& cache_;
    std::unique_ptr<StdThreadPool> pool_;
  };

 private:
  std::mutex mutex_;
  std::map<int, std::vector<std::unique_ptr<StdThreadPool>>> idle_;
};

}  // namespace monet
