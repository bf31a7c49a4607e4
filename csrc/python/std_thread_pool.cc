#include "std_thread_pool.h"

namespace monet {

StdThreadPool::StdThreadPool(int threads) {
  for (int i = 1; i < threads; ++i) workers_.emplace_back([this] { WorkerLoop(); });
}

StdThreadPool::~StdThreadPool() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  job_posted_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void StdThreadPool::Run(int tasks, FunctionRef<void(int)> task) {
  std::unique_lock<std::mutex> lock(mutex_);
  task_ = &task;
  next_task_ = 0;
  tasks_ = tasks;
  job_posted_.notify_all();
  Work(lock);
  job_done_.wait(lock, [this] { return running_ == 0; });
}

void StdThreadPool::Work(std::unique_lock<std::mutex>& lock) {
  while (next_task_ < tasks_) {
    const int i = next_task_++;
    ++running_;
    lock.unlock();
    (*task_)(i);
    lock.lock();
    --running_;
  }
}

void StdThreadPool::WorkerLoop() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    job_posted_.wait(lock, [this] { return stopping_ || next_task_ < tasks_; });
    if (stopping_) return;
    Work(lock);
    if (running_ == 0) job_done_.notify_all();
  }
}

ThreadPoolCache::Lease::Lease(ThreadPoolCache& cache, int threads) : cache_(cache) {
  {
    std::lock_guard<std::mutex> lock(cache_.mutex_);
    auto& idle = cache_.idle_[threads];
    if (!idle.empty()) {
      pool_ = std::move(idle.back());
      idle.pop_back();
    }
  }
  if (!pool_) pool_ = std::make_unique<StdThreadPool>(threads);
}

ThreadPoolCache::Lease::~Lease() {
  const int threads = pool_->num_threads();
  std::lock_guard<std::mutex> lock(cache_.mutex_);
  cache_.idle_[threads].push_back(std::move(pool_));
}

}  // namespace monet
