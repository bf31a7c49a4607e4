// The AMX instructions of ../amx_tiles.h by plain code, bit for bit, for tests on any machine. What the instructions
// would fault on, or silently get wrong, ends the process with a message: use without a configuration, a thread that
// keeps its tiles, products of tiles that haven't been written. Reads out of bounds are left to AddressSanitizer.
#pragma once

#include <cfloat>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace monet {
namespace {

constexpr int kTileRows = 16, kTileRowBytes = 64;

// The tile registers of a thread.
struct EmulatedTiles {
  ~EmulatedTiles() { Check(!configured, "a thread ended without TILERELEASE"); }

  static void Check(bool holds, const char* broken) {
    if (holds) return;
    std::fprintf(stderr, "AMX emulator: %s\n", broken);
    std::abort();
  }

  bool configured = false;
  bool written[8] = {};
  alignas(64) unsigned char bytes[8][kTileRows][kTileRowBytes];
};

inline EmulatedTiles& ThreadTiles() {
  thread_local EmulatedTiles tiles;
  return tiles;
}

// Denormals count as zero before and after an operation.
inline float FlushDenormal(float value) { return std::fabs(value) < FLT_MIN ? std::copysign(0.0f, value) : value; }

inline float TileBFloat16(const unsigned char* bytes) {
  uint16_t upper;
  std::memcpy(&upper, bytes, sizeof(upper));
  const uint32_t bits = static_cast<uint32_t>(upper) << 16;
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return FlushDenormal(value);
}

class Tiles {
 public:
  Tiles() : tiles_(ThreadTiles()) {
    tiles_.Check(!tiles_.configured, "LDTILECFG while the thread's last task still has its tiles");
    tiles_.configured = true;
    std::memset(tiles_.written, 0, sizeof(tiles_.written));
  }
  ~Tiles() { tiles_.configured = false; }
  Tiles(const Tiles&) = delete;
  Tiles& operator=(const Tiles&) = delete;

  template <int kTile>
  void Zero() {
    Write<kTile>();
    std::memset(tiles_.bytes[kTile], 0, sizeof(tiles_.bytes[kTile]));
  }

  template <int kTile>
  void Load(const void* from, int64_t stride) {
    Write<kTile>();
    for (int row = 0; row < kTileRows; ++row) {
      std::memcpy(tiles_.bytes[kTile][row], static_cast<const char*>(from) + row * stride, kTileRowBytes);
    }
  }

  template <int kTile>
  void Store(void* to, int64_t stride) {
    Read<kTile>();
    for (int row = 0; row < kTileRows; ++row) {
      std::memcpy(static_cast<char*>(to) + row * stride, tiles_.bytes[kTile][row], kTileRowBytes);
    }
  }

  // As Intel's manual has it: products of even and of odd elements are added up apart from each other, by fused
  // multiply-adds, before both go into the sum.
  template <int kSums, int kA, int kB>
  void MultiplyAdd() {
    static_assert(kSums != kA && kA != kB && kB != kSums, "TDPBF16PS faults if its tiles are not three");
    Read<kSums>();
    Read<kA>();
    Read<kB>();
    constexpr int kPairs = kTileRowBytes / 4;
    for (int m = 0; m < kTileRows; ++m) {
      float even[kPairs] = {}, odd[kPairs] = {};
      for (int k = 0; k < kPairs; ++k) {
        const unsigned char* a = tiles_.bytes[kA][m] + 4 * k;
        const float a_even = TileBFloat16(a), a_odd = TileBFloat16(a + 2);
        for (int n = 0; n < kPairs; ++n) {
          const unsigned char* b = tiles_.bytes[kB][k] + 4 * n;
          even[n] = FlushDenormal(std::fma(a_even, TileBFloat16(b), even[n]));
          odd[n] = FlushDenormal(std::fma(a_odd, TileBFloat16(b + 2), odd[n]));
        }
      }
      for (int n = 0; n < kPairs; ++n) {
        unsigned char* at = tiles_.bytes[kSums][m] + 4 * n;
        float sum;
        std::memcpy(&sum, at, sizeof(sum));
        sum = FlushDenormal(FlushDenormal(sum) + FlushDenormal(even[n] + odd[n]));
        std::memcpy(at, &sum, sizeof(sum));
      }
    }
  }

 private:
  template <int kTile>
  void Write() {
    static_assert(0 <= kTile && kTile < 8, "there are eight tiles");
    tiles_.Check(tiles_.configured, "a tile is used without LDTILECFG");
    tiles_.written[kTile] = true;
  }
  template <int kTile>
  void Read() const {
    static_assert(0 <= kTile && kTile < 8, "there are eight tiles");
    tiles_.Check(tiles_.configured && tiles_.written[kTile], "a tile is read that was not written");
  }

  EmulatedTiles& tiles_;
};

}  // namespace
}  // namespace monet
