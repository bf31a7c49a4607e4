#include "std_thread_pool.h"

#include <chrono>

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

template <typename Ready>
void StdThreadPool::WaitFor(std::unique_lock<std::mutex>& lock, std::condition_variable& changed, Ready ready) {
  if (ready()) return;
  lock.unlock();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::microseconds(100);
  while (!ready() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  lock.lock();
  changed.wait(lock, ready);
}

void StdThreadPool::Run(int tasks, FunctionRef<void(int)> task) {
  std::unique_lock<std::mutex> lock(mutex_);
  task_ = &task;
  tasks_ = unclaimed_ = tasks;
  job_posted_.notify_all();
  Work(lock);
  WaitFor(lock, job_done_, [this] { return running_ == 0; });
}

void StdThreadPool::Work(std::unique_lock<std::mutex>& lock) {
  while (unclaimed_ > 0) {
    const int i = tasks_ - unclaimed_--;
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
    WaitFor(lock, job_posted_, [this] { return stopping_ || unclaimed_ > 0; });
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
