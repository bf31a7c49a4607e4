// A monet::ThreadPool over threads that somebody else owns and shares with other work.
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>

#include "kernels/thread_pool.h"

namespace monet {

class ClaimingPool : public ThreadPool {
 public:
  // The calling thread claims tasks like every other and waits only for those that others have begun. So it never
  // waits for a pool that is busy with another op, and can't deadlock when it is itself a thread of that pool.
  void Run(int tasks, FunctionRef<void(int)> task) override {
    if (tasks <= 1) {
      if (tasks == 1) task(0);
      return;
    }
    // Shared, because a thread may first look at it after Run has returned. It then finds no task left to claim.
    auto job = std::make_shared<Job>(tasks, task);
    for (int i = 1; i < std::min(tasks, num_threads()); ++i) {
      Schedule([job] { job->Work(); });
    }
    job->Work();
    job->Wait();
  }

 private:
  // Has one of the threads call `function`, sooner or later.
  virtual void Schedule(std::function<void()> function) = 0;

  class Job {
   public:
    Job(int tasks, FunctionRef<void(int)> task) : tasks_(tasks), task_(task), unfinished_(tasks) {}

    void Work() {
      for (int i; (i = next_.fetch_add(1, std::memory_order_relaxed)) < tasks_;) {
        task_(i);
        std::lock_guard<std::mutex> lock(mutex_);
        if (--unfinished_ == 0) finished_.notify_all();
      }
    }

    void Wait() {
      std::unique_lock<std::mutex> lock(mutex_);
      finished_.wait(lock, [this] { return unfinished_ == 0; });
    }

   private:
    const int tasks_;
    const FunctionRef<void(int)> task_;
    std::atomic<int> next_{0};
    std::mutex mutex_;
    std::condition_variable finished_;
    int unfinished_;
  };
};

}  // namespace monet
