// Implementation of amx_kernels.h over the Tiles and the Vec of whichever amx_tiles.h and simd_*.h were included before
// this file.
//
// A step multiplies 32 x 32 values by 32 x 32 with four products of tiles, which use all eight:
//
//                                   b: 16 pairs of k x 16 columns      b: the other 16 columns
//                                  | tile 6                       |  | tile 7                       |
//
//   a: 16 rows x 32 k   | tile 4 | | tile 0: 16 x 16 sums         |  | tile 1                       |
//   a: 16 more rows     | tile 5 | | tile 2                       |  | tile 3                       |
//
// In a convolution rows are pixels, columns output channels, and k input channels; the sums stay in their tiles over
// all taps and blocks of input channels. In the kernel's gradient rows are input channels and k pixels.
#pragma once

#include <cstring>

#include "amx_kernels.h"
#include "../simd/vector_loops.h"

namespace monet {
namespace {

constexpr int64_t kHalfBlock = kAmxBlock / 2;
constexpr int64_t kHalfValues = kAmxBlockValues / 2;
constexpr int64_t kSumsStride = kAmxBlock * sizeof(float);

// ---- Products

inline void ZeroSums(Tiles& tiles) {
  tiles.Zero<0>();
  tiles.Zero<1>();
  tiles.Zero<2>();
  tiles.Zero<3>();
}

inline void LoadSums(Tiles& tiles, const float* sums) {
  tiles.Load<0>(sums, kSumsStride);
  tiles.Load<1>(sums + kHalfBlock, kSumsStride);
  tiles.Load<2>(sums + kHalfBlock * kAmxBlock, kSumsStride);
  tiles.Load<3>(sums + kHalfBlock * kAmxBlock + kHalfBlock, kSumsStride);
}

inline void StoreSums(Tiles& tiles, float* sums) {
  tiles.Store<0>(sums, kSumsStride);
  tiles.Store<1>(sums + kHalfBlock, kSumsStride);
  tiles.Store<2>(sums + kHalfBlock * kAmxBlock, kSumsStride);
  tiles.Store<3>(sums + kHalfBlock * kAmxBlock + kHalfBlock, kSumsStride);
}

// Into the first level cache; the address needn't exist. A block is 32 lines.
inline void PrefetchBlock(const uint16_t* block) {
#pragma GCC unroll 8
  for (int64_t i = 0; i < kAmxBlock; ++i) __builtin_prefetch(block + i * kAmxBlock, 0, 3);
}

// a is [32 rows][32 k], b as `interleave` makes it.
inline void Multiply(Tiles& tiles, const uint16_t* a, const uint16_t* b) {
  constexpr int64_t kStride = kAmxBlock * sizeof(uint16_t);
  tiles.Load<4>(a, kStride);
  tiles.Load<6>(b, kStride);
  tiles.MultiplyAdd<0, 4, 6>();
  tiles.Load<7>(b + kHalfValues, kStride);
  tiles.MultiplyAdd<1, 4, 7>();
  tiles.Load<5>(a + kHalfValues, kStride);
  tiles.MultiplyAdd<2, 5, 6>();
  tiles.MultiplyAdd<3, 5, 7>();
}

// ---- Convolution

// The sums [32][32] of 32 pixels from `pixel` on. kSize is the kernel's size if the compiler is to unroll the taps, or
// 0.
template <int kSize>
void ConvolvePixels(Tiles& tiles, const AmxConvolution& call, int64_t pixel, float* sums) {
  constexpr int64_t kStepsAhead = 2;
  const int64_t size = kSize > 0 ? kSize : call.size;
  const uint16_t* weights = call.weights;
  ZeroSums(tiles);
  for (int64_t block = 0; block < call.blocks; ++block) {
    const uint16_t* row = call.image + block * call.block_stride + pixel * kAmxBlock;
    for (int64_t i = 0; i < size; ++i, row += call.padded_width * kAmxBlock) {
      PrefetchBlock(row + call.block_stride);
#pragma GCC unroll 7
      for (int64_t j = 0; j < size; ++j, weights += kAmxBlockValues) {
        PrefetchBlock(weights + kStepsAhead * kAmxBlockValues);
        Multiply(tiles, row + j * kAmxBlock, weights);
      }
    }
  }
  StoreSums(tiles, sums);
}

// Adds the moments of some rows of sums. (Chan, Golub & LeVeque, "Updating Formulae and a Pairwise Algorithm for
// Computing Sample Variances", 1979.)
void AddMoments(const float* const* rows, int64_t num_rows, AmxMoments* moments) {
  float mean[kAmxBlock], m2[kAmxBlock];
  const Vec share = Broadcast(1.0f / static_cast<float>(num_rows));
  for (int64_t c = 0; c < kAmxBlock; c += kLanes) {
    Vec sum = Zero(), squares = Zero();
    for (int64_t i = 0; i < num_rows; ++i) sum = Add(sum, LoadFloat(rows[i] + c, Full{}));
    const Vec centre = Mul(sum, share);
    for (int64_t i = 0; i < num_rows; ++i) {
      const Vec delta = Sub(LoadFloat(rows[i] + c, Full{}), centre);
      squares = MulAdd(delta, delta, squares);
    }
    StoreFloat(mean + c, centre, Full{});
    StoreFloat(m2 + c, squares, Full{});
  }
  const double before = static_cast<double>(moments->pixels), added = static_cast<double>(num_rows);
  const double weight = added / (before + added);
  for (int64_t c = 0; c < kAmxBlock; ++c) {
    const double delta = mean[c] - moments->mean[c];
    moments->mean[c] += delta * weight;
    moments->m2[c] += m2[c] + delta * delta * (weight * before);
  }
  moments->pixels += num_rows;
}

template <typename T>
void StorePixel(const AmxOutput& output, const float* sums, T* to) {
  ForVectors(output.channels, [&](int64_t c, auto part) {
    const Vec value = LoadFloat(sums + c, Full{});
    Store(to + c, output.bias ? Add(value, LoadFloat(output.bias + c, part)) : value, part);
  });
}

template <typename T>
void FinishPixels(const AmxConvolution& call, int64_t pixel, const float* sums) {
  const AmxOutput& output = call.output;
  T* const to = static_cast<T*>(output.to);
  const float* rows[kAmxBlock];
  int64_t num_rows = 0;
  int64_t h = pixel / call.padded_width, w = pixel % call.padded_width;
  for (int64_t i = 0; i < kAmxBlock && h < output.height; ++i) {
    if (w < output.width) {
      rows[num_rows++] = sums + i * kAmxBlock;
      StorePixel(output, sums + i * kAmxBlock, to + h * output.row_stride + w * output.pixel_stride);
    }
    if (++w == call.padded_width) {
      w = 0;
      ++h;
    }
  }
  if (output.moments && num_rows > 0) AddMoments(rows, num_rows, output.moments);
}

void Convolve(const AmxConvolution& call) {
  Tiles tiles;
  const auto convolve = call.size == 3 ? ConvolvePixels<3> : call.size == 7 ? ConvolvePixels<7> : ConvolvePixels<0>;
  const auto finish = call.output.dtype == DType::kFloat32 ? FinishPixels<Float32> : FinishPixels<BFloat16>;
  alignas(64) float sums[kAmxBlockValues];
  for (int64_t pixel = call.begin; pixel < call.end; pixel += kAmxBlock) {
    convolve(tiles, call, pixel, sums);
    finish(call, pixel, sums);
  }
}

// ---- The kernel's gradient

void KernelGradient(const AmxKernelGradient& call) {
  constexpr int64_t kBlocksAhead = 2;
  Tiles tiles;
  if (call.add) {
    LoadSums(tiles, call.sums);
  } else {
    ZeroSums(tiles);
  }
  for (int64_t n = 0; n < call.images; ++n) {
    const uint16_t* x = call.x + n * call.x_stride;
    const uint16_t* dy = call.dy + n * call.dy_stride;
    for (int64_t block = 0; block < call.blocks; ++block, x += kAmxBlockValues, dy += kAmxBlockValues) {
      PrefetchBlock(x + kBlocksAhead * kAmxBlockValues);
      PrefetchBlock(dy + kBlocksAhead * kAmxBlockValues);
      Multiply(tiles, x, dy);
    }
  }
  StoreSums(tiles, call.sums);
}

// ---- Into and out of blocks

template <typename T>
void PackAs(const void* from, int64_t stride, int64_t pixels, int64_t channels, uint16_t* to) {
  for (int64_t i = 0; i < pixels; ++i) {
    const T* values = static_cast<const T*>(from) + i * stride;
    auto* block = reinterpret_cast<BFloat16*>(to + i * kAmxBlock);
    for (int64_t c = channels / kLanes * kLanes; c < kAmxBlock; c += kLanes) Store(block + c, Zero(), Full{});
    ForVectors(channels, [&](int64_t c, auto part) { Store(block + c, Load(values + c, part), part); });
  }
}

void Pack(DType dtype, const void* from, int64_t stride, int64_t pixels, int64_t channels, uint16_t* to) {
  const auto pack = dtype == DType::kFloat32 ? PackAs<Float32> : PackAs<BFloat16>;
  pack(from, stride, pixels, channels, to);
}

template <typename T>
void UnpackAs(const uint16_t* from, int64_t pixels, int64_t channels, void* to, int64_t stride) {
  for (int64_t i = 0; i < pixels; ++i) {
    const auto* block = reinterpret_cast<const BFloat16*>(from + i * kAmxBlock);
    T* values = static_cast<T*>(to) + i * stride;
    ForVectors(channels, [&](int64_t c, auto part) { Store(values + c, Load(block + c, part), part); });
  }
}

void Unpack(const uint16_t* from, int64_t pixels, int64_t channels, DType dtype, void* to, int64_t stride) {
  const auto unpack = dtype == DType::kFloat32 ? UnpackAs<Float32> : UnpackAs<BFloat16>;
  unpack(from, pixels, channels, to, stride);
}

// Four by four at a time, each row being one 64-bit word. In two steps, each of which swaps what is above the diagonal
// of a 2x2 matrix with what is below it: first of words' halves, then of the 16-bit values in them.
inline void Transpose4x4(const uint16_t* from, uint16_t* to) {
  constexpr uint64_t kLower = 0xffffffffu, kEven = 0x0000ffff0000ffffu;
  uint64_t row[4];
  for (int i = 0; i < 4; ++i) std::memcpy(&row[i], from + i * kAmxBlock, sizeof(row[i]));
  const uint64_t halves[4] = {(row[0] & kLower) | row[2] << 32, (row[1] & kLower) | row[3] << 32,
                              row[0] >> 32 | (row[2] & ~kLower), row[1] >> 32 | (row[3] & ~kLower)};
  for (int i = 0; i < 4; i += 2) {
    const uint64_t even = (halves[i] & kEven) | (halves[i + 1] & kEven) << 16;
    const uint64_t odd = (halves[i] >> 16 & kEven) | (halves[i + 1] & ~kEven);
    std::memcpy(to + i * kAmxBlock, &even, sizeof(even));
    std::memcpy(to + (i + 1) * kAmxBlock, &odd, sizeof(odd));
  }
}

void Transpose(const uint16_t* from, uint16_t* to) {
  for (int64_t i = 0; i < kAmxBlock; i += 4) {
    for (int64_t j = 0; j < kAmxBlock; j += 4) Transpose4x4(from + i * kAmxBlock + j, to + j * kAmxBlock + i);
  }
}

void Interleave(const uint16_t* from, uint16_t* to) {
  for (int64_t half = 0; half < 2; ++half) {
    for (int64_t pair = 0; pair < kHalfBlock; ++pair, to += kAmxBlock) {
      const uint16_t* upper = from + 2 * pair * kAmxBlock + half * kHalfBlock;
      const uint16_t* lower = upper + kAmxBlock;
      for (int64_t column = 0; column < kHalfBlock; ++column) {
        to[2 * column] = upper[column];
        to[2 * column + 1] = lower[column];
      }
    }
  }
}

// ---- The end of a residual block

template <typename T>
void NormalizeAddAs(const AmxNormalizeAdd& call) {
  for (int64_t i = 0; i < call.pixels; ++i) {
    const T* conv = static_cast<const T*>(call.conv) + i * call.stride;
    const T* x = static_cast<const T*>(call.x) + i * call.stride;
    T* y = static_cast<T*>(call.y) + i * call.stride;
    ForVectors(call.channels, [&](int64_t c, auto part) {
      const Vec centred = Sub(Load(conv + c, part), LoadFloat(call.mean + c, part));
      const Vec normalized = MulAdd(centred, LoadFloat(call.scale + c, part), LoadFloat(call.beta + c, part));
      Store(y + c, Add(normalized, Load(x + c, part)), part);
    });
  }
}

void NormalizeAdd(const AmxNormalizeAdd& call) {
  (call.dtype == DType::kFloat32 ? NormalizeAddAs<Float32> : NormalizeAddAs<BFloat16>)(call);
}

constexpr AmxKernels kAmxTable = {Pack, Unpack, Transpose, Interleave, Convolve, KernelGradient, NormalizeAdd};

}  // namespace
}  // namespace monet
