// Working memory of a kernel.
#pragma once

#include <cstddef>
#include <cstdint>

namespace monet {

// Hands out arrays from one piece of working memory. With a null piece it only counts what would be needed.
class Scratch {
 public:
  explicit Scratch(void* memory) : begin_(reinterpret_cast<uintptr_t>(memory)), next_(begin_) {}

  template <typename T>
  T* Take(int64_t count) {
    next_ = (next_ + 63) / 64 * 64;
    T* array = reinterpret_cast<T*>(next_);
    next_ += static_cast<size_t>(count) * sizeof(T);
    return array;
  }

  size_t bytes() const { return next_ - begin_ + 63; }  // the piece itself may be unaligned

 private:
  uintptr_t begin_, next_;
};

}  // namespace monet
