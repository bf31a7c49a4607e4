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
 public:
  explicit SharedMemory(const char* name) : name_(name) { All().push_back(this); }

  static std::vector<SharedMemory*>& All() {
    static thread_local std::vector<SharedMemory*> all;
    return all;
  }
  // A block finds shared memory uninitialised.
  void Reset(size_t size) { histories_.assign(size, History()); }
  virtual void Reset() = 0;

 protected:
  ~SharedMemory() = default;

  History& Find(int64_t i) const {
    if (i < 0 || i >= static_cast<int64_t>(histories_.size())) {
      Fail(Who(block.running->index) + " uses " + Element(i) + ", which has " + std::to_string(histories_.size()) +
           " elements");
    }
    History& history = histories_[static_cast<size_t>(i)];
    if (history.epoch != block.epoch) {
      history.epoch = block.epoch;
      history.writer = history.readers[0] = history.readers[1] = Access();
    }
    return history;
  }

  void NoteRead(int64_t i) const {
    History& history = Find(i);
    if (!history.written) Fail(Who(block.running->index) + " reads " + Element(i) + " before anything was written there");
    if (!history.writer.Ordered()) Race("reads", "wrote", i, history.writer);
    const Access access{block.running->index, block.running->clock};
    for (Access& reader : history.readers) {
      if (reader.thread >= 0 && reader.thread != access.thread) continue;
      reader = access;
      return;
    }
  }

  void NoteWrite(int64_t i) const {
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
  mutable std::vector<History> histories_;
};

inline void ResetSharedMemory() {
  for (SharedMemory* memory : SharedMemory::All()) memory->Reset();
}

template <typename T>
class DynamicSharedArray : public SharedMemory {
 public:
  explicit DynamicSharedArray(const char* name) : SharedMemory(name) { Reset(); }

  class Element {
   public:
    Element(DynamicSharedArray& array, int64_t i) : array_(array), i_(i) {}
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
    DynamicSharedArray& array_;
    int64_t i_;
  };

  Element operator[](int64_t i) { return Element(*this, i); }

  void Reset() override { Resize(block.dynamic_shared_bytes / sizeof(T)); }

 protected:
  void Resize(size_t count) {
    SharedMemory::Reset(count);
    values_.resize(count);
  }

 private:
  std::vector<T> values_;
};

template <typename T, int kCount>
class SharedArray : public DynamicSharedArray<T> {
 public:
  explicit SharedArray(const char* name) : DynamicSharedArray<T>(name) { Reset(); }

  void Reset() override { this->Resize(kCount); }
};

}  // namespace cuda_emulator
