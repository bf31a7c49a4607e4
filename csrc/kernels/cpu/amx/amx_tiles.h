// The AMX instructions that the kernels use, on tiles of 16 rows of 64 bytes. (Intel, "Architectures Software
// Developer's Manual", volume 1, chapter 18.) emulator/amx_tiles.h has the same by plain code.
//
// In assembly rather than by the compiler's intrinsics: those of GCC take no template argument as a tile's number, and
// don't tell the compiler that a load reads memory.
#pragma once

#include <cstdint>

namespace monet {
namespace {

constexpr int kTileRows = 16, kTileRowBytes = 64;

// What LDTILECFG reads.
struct alignas(64) TileConfiguration {
  uint8_t palette = 1;
  uint8_t start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};

  constexpr TileConfiguration() {
    for (int tile = 0; tile < 8; ++tile) {
      row_bytes[tile] = kTileRowBytes;
      rows[tile] = kTileRows;
    }
  }
};
static_assert(sizeof(TileConfiguration) == 64);

// Tiles can be used while one of these exists. They belong to the thread, and are given back at the end: a thread of
// TensorFlow's must not keep them, since the operating system saves and restores 8 KiB for as long as it does.
class Tiles {
 public:
  Tiles() {
    static constexpr TileConfiguration kConfiguration;
    asm volatile("ldtilecfg %0" ::"m"(kConfiguration));
  }
  ~Tiles() { asm volatile("tilerelease" ::: "memory"); }
  Tiles(const Tiles&) = delete;
  Tiles& operator=(const Tiles&) = delete;

  template <int kTile>
  void Zero() {
    asm volatile("tilezero %%tmm%c0" ::"i"(kTile));
  }
  // Rows are `stride` bytes apart.
  template <int kTile>
  void Load(const void* from, int64_t stride) {
    asm volatile("tileloadd (%0,%1,1), %%tmm%c2" ::"r"(from), "r"(stride), "i"(kTile) : "memory");
  }
  template <int kTile>
  void Store(void* to, int64_t stride) {
    asm volatile("tilestored %%tmm%c2, (%0,%1,1)" ::"r"(to), "r"(stride), "i"(kTile) : "memory");
  }

  // sums[m][n] += a[m][2k] * b[k][2n] + a[m][2k + 1] * b[k][2n + 1], added up over the 16 values of k: bfloat16 in a
  // and b, float32 in sums.
  template <int kSums, int kA, int kB>
  void MultiplyAdd() {
    asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(kSums), "i"(kA), "i"(kB));
  }
};

}  // namespace
}  // namespace monet
