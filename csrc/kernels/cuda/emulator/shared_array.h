// Shared memory that knows who touched it. Two accesses by different threads, at least one of them a write, need a
// barrier in between; whether one was there doesn't depend on the order in which the emulator ran the threads.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "scheduler.h"

namespace cuda_emulator {

struct Access {
  int thread = -1;
  unsigned clock = 0;

  // Whether it is known to have happened before what the running thread does now. Block barriers need no look:
  // history is forgotten there.
  bool Ordered() const {
    const int self = block.running->index;
    if (thread < 0 || thread == self) return true;
    return thread / kWarpSize == self / kWarpSize && block.running->seen[thread % kWarpSize] >= clock;
  }
};

struct History {
  uint64_t epoch = 0;
  bool written = false;  // since the block started
  Access writer;
  Access readers[2];  // two different threads are enough to know that some other thread has read
};

class SharedMemory {
 protected:
  SharedMemory(const char* name, size_t size) : name_(name), histories_(size) {}

  History& Find(int64_t i) {
    if (i < 0 || i >= static_cast<int64_t>(histories_.size())) {
      Fail(Who(block.running->index) + " uses " + Element(i) + ", which has " + std::to_string(histories_.size()) +
           " elements");
    }
    History& history = histories_[static_cast<size_t>(i)];
    if (history.epoch != block.epoch) {
      // A new block finds shared memory uninitialised; after a barrier, all that was done is in order.
      const bool written = history.written && history.epoch >= block.first_epoch;
      history = History{block.epoch, written, {}, {}};
    }
    return history;
  }

  void NoteRead(int64_t i) {
    History& history = Find(i);
    if (!history.written) {
      Fail(Who(block.running->index) + " reads " + Element(i) +
           " before anything was written there: a barrier is missing, or the write");
    }
    if (!history.writer.Ordered()) Race("reads", "wrote", i, history.writer);
    const Access access{block.running->index, block.running->clock};
    for (Access& reader : history.readers) {
      if (reader.thread >= 0 && reader.thread != access.thread) continue;
      reader = access;
      return;
    }
  }

  void NoteWrite(int64_t i) {
    History& history = Find(i);
    if (!history.writer.Ordered()) Race("writes", "wrote", i, history.writer);
    for (const Access& reader : history.readers) {
      if (!reader.Ordered()) Race("writes", "read", i, reader);
    }
    history.written = true;
    history.writer = {block.running->index, block.running->clock};
  }

 private:
  std::string Element(int64_t i) const { return std::string(name_) + "[" + std::to_string(i) + "]"; }

  [[noreturn]] void Race(const char* does, const char* did, int64_t i, const Access& other) const {
    Fail("race: " + Who(block.running->index) + " " + does + " " + Element(i) + ", which thread " +
         std::to_string(other.thread) + " " + did + " with no barrier in between");
  }

  const char* name_;

 protected:
  std::vector<History> histories_;
};

template <typename T>
class SharedElements : public SharedMemory {
 public:
  SharedElements(const char* name, size_t size) : SharedMemory(name, size), values_(size) {}

  class Element {
   public:
    Element(SharedElements& array, int64_t i) : array_(array), i_(i) {}
    operator T() const {
      array_.NoteRead(i_);
      return array_.values_[static_cast<size_t>(i_)];
    }
    Element& operator=(const T& value) {
      array_.NoteWrite(i_);
      array_.values_[static_cast<size_t>(i_)] = value;
      return *this;
    }
    Element& operator=(const Element& other) { return *this = static_cast<T>(other); }
    Element& operator+=(const T& value) { return *this = static_cast<T>(*this) + value; }

   private:
    SharedElements& array_;
    int64_t i_;
  };

  Element operator[](int64_t i) { return Element(*this, i); }

 protected:
  std::vector<T> values_;
};

template <typename T, int kCount>
class SharedArray : public SharedElements<T> {
 public:
  explicit SharedArray(const char* name) : SharedElements<T>(name, kCount) {}
};

// As large as its launch asked for.
template <typename T>
class DynamicSharedArray : public SharedElements<T> {
 public:
  explicit DynamicSharedArray(const char* name) : SharedElements<T>(name, 0) {}

  typename SharedElements<T>::Element operator[](int64_t i) {
    const size_t size = block.dynamic_shared_bytes / sizeof(T);
    if (this->values_.size() != size) {
      this->values_.resize(size);
      this->histories_.assign(size, History());
    }
    return SharedElements<T>::operator[](i);
  }
};

}  // namespace cuda_emulator
