// How kernels ask for parallelism. TensorFlow's and Python's glue each implement ThreadPool over the threads they own.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

namespace monet {

// A non-owning reference to a callable, so that a virtual function can take a lambda without allocating.
// It must not outlive the callable.
template <typename Signature>
class FunctionRef;

template <typename... Args>
class FunctionRef<void(Args...)> {
 public:
  template <typename F, typename = std::enable_if_t<!std::is_same_v<std::decay_t<F>, FunctionRef>>>
  FunctionRef(F&& function)  // NOLINT: implicit by design
      : object_(const_cast<void*>(static_cast<const void*>(std::addressof(function)))),
        call_([](void* object, Args... args) {
          (*static_cast<std::remove_reference_t<F>*>(object))(std::forward<Args>(args)...);
        }) {}

  void operator()(Args... args) const { call_(object_, std::forward<Args>(args)...); }

 private:
  void* object_;
  void (*call_)(void*, Args...);
};

class ThreadPool {
 public:
  virtual ~ThreadPool() = default;

  // How many tasks can make progress at once, the calling thread included.
  virtual int num_threads() const = 0;

  // Calls task(i) once for each i in [0, tasks), possibly concurrently; returns when all are done.
  // Running them one after the other is correct too.
  virtual void Run(int tasks, FunctionRef<void(int)> task) = 0;
};

// No threads but the caller's.
class CallingThread final : public ThreadPool {
 public:
  int num_threads() const override { return 1; }
  void Run(int tasks, FunctionRef<void(int)> task) override {
    for (int i = 0; i < tasks; ++i) task(i);
  }
};

// Calls function(begin, end) over chunks that cover [0, items); every begin is a multiple of `grain`.
// Workers claim the next chunk from a counter as they become free, so a slow core delays the others by one chunk at
// most. Which worker gets which chunk varies from run to run: results must not depend on it.
inline void ParallelFor(ThreadPool& pool, int64_t items, int64_t grain, FunctionRef<void(int64_t, int64_t)> function) {
  if (items <= 0) return;
  grain = std::max<int64_t>(grain, 1);
  const int64_t chunks = (items - 1) / grain + 1;
  const int workers = static_cast<int>(std::min<int64_t>(chunks, std::max(pool.num_threads(), 1)));
  if (workers == 1) {
    function(0, items);
    return;
  }
  std::atomic<int64_t> next{0};
  pool.Run(workers, [&](int) {
    for (int64_t chunk; (chunk = next.fetch_add(1, std::memory_order_relaxed)) < chunks;) {
      function(chunk * grain, std::min(items, (chunk + 1) * grain));
    }
  });
}

}  // namespace monet
