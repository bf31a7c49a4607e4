// Winograd's algorithms F(4x4, 3x3), F(3x3, 4x4), F(4x4, 2x2) and F(3x3, 2x2): the transforms between pixels, kernels
// and the 36, 25 or 16 matrix products in between.
//
//   y = A^T [ (G w G^T) * (B^T d B) ] A        d: 6x6 pixels, w: 3x3 taps, y: 4x4 pixels, *: elementwise
//                                          or     6x6            4x4          3x3
//                                          or     5x5            2x2          4x4
//                                          or     4x4            2x2          3x3
//
// (Lavin & Gray, "Fast Algorithms for Convolutional Neural Networks", 2016.) In one dimension this is multiplication of
// polynomials by evaluating them at points, for F(4, 3) at 0, a, -a, b, -b and infinity:
//
//         | a^2b^2     0    -(a^2+b^2)     0       1  0 |         |    1/(a^2b^2)                  |
//         |    0    -ab^2     -b^2         a       1  0 |         |  p      pa       pa^2          |  p =
//         1/(2a^2(a^2-b^2))
//   B^T = |    0     ab^2     -b^2        -a       1  0 |     G = |  p     -pa       pa^2          |
//         |    0    -a^2b     -a^2         b       1  0 |         |  q      qb       qb^2          |  q =
//         1/(2b^2(b^2-a^2)) |    0     a^2b     -a^2        -b       1  0 |         |  q     -qb       qb^2          |
//         |    0    a^2b^2      0     -(a^2+b^2)   0  1 |         |  0       0         1           |
//
//         | 1   1    1   1    1   0 |
//   A^T = | 0   a   -a   b   -b   0 |
//         | 0  a^2  a^2 b^2  b^2  0 |
//         | 0  a^3 -a^3 b^3 -b^3  1 |
//
// Most codes take a = 1, b = 2. a = 5/8, b = 3/2 costs the same, is as exact to represent, and halves the rounding
// error (1.4e-6 instead of 3.1e-6 for 256 channels), because the constants are closer to 1.
//
// F(3, 4) has the same points, and so the same B^T; its G has a column of third powers more, and its A^T a row less,
// with the 1 of the last column in the row of squares. F(3, 2) evaluates at 0, 1, -1 and infinity:
//
//         | 1   0  -1   0 |         |  1    0  |         | 1   1   1   0 |
//   B^T = | 0   1   1   0 |     G = | 1/2  1/2 |   A^T = | 0   1  -1   0 |
//         | 0  -1   1   0 |         | 1/2 -1/2 |         | 0   1   1   1 |
//         | 0  -1   0   1 |         |  0    1  |
//
// F(4, 2) evaluates at c, -c, d, -d and infinity, c = 3/8 and d = 5/4. Most codes take 0 as one of its points: without
// it the rounding error is smaller by a third.
//
//         | -cd^2  -d^2     c       1     0 |         | r/c   r |
//         |  cd^2  -d^2    -c       1     0 |         |-r/c   r |  r = 1/(2(c^2-d^2))
//   B^T = | -c^2d  -c^2     d       1     0 |     G = | s/d   s |  s = 1/(2(d^2-c^2))
//         |  c^2d  -c^2    -d       1     0 |         |-s/d   s |
//         | c^2d^2   0  -(c^2+d^2)  0     1 |         |  0    1 |
//
//         |  1    1    1    1   0 |
//   A^T = |  c   -c    d   -d   0 |
//         | c^2  c^2  d^2  d^2  0 |
//         | c^3 -c^3  d^3 -d^3  1 |
//
// The gradient with respect to w is the transpose of all this: G^T [ (A dy A^T) * (B^T d B) ] G.
#pragma once

#include "../simd/vector_loops.h"

namespace monet {
namespace {

constexpr float kA = 0.625f, kB = 1.5f;
constexpr float kA2 = kA * kA, kB2 = kB * kB;
constexpr float kA2B2 = kA2 * kB2, kA2PlusB2 = kA2 + kB2;
constexpr float kP = 1.0f / (2.0f * kA2 * (kA2 - kB2)), kQ = 1.0f / (2.0f * kB2 * (kB2 - kA2));

constexpr float kC = 0.375f, kD = 1.25f;
constexpr float kC2 = kC * kC, kD2 = kD * kD;
constexpr float kR = 1.0f / (2.0f * (kC2 - kD2)), kS = 1.0f / (2.0f * (kD2 - kC2));

inline Vec Times(float factor, Vec v) { return Mul(Broadcast(factor), v); }
inline Vec TimesPlus(float factor, Vec v, Vec sum) { return MulAdd(Broadcast(factor), v, sum); }

// Each transform is given in one dimension and maps kFrom values to kTo.

struct F4x3 {
  static constexpr bool kAtZero = true;
  static constexpr int kRun = 128;
  struct Input {  // B^T
    static constexpr int kFrom = 6, kTo = 6;
    static void Apply(const Vec* d, Vec* v) {
      v[0] = TimesPlus(kA2B2, d[0], TimesPlus(-kA2PlusB2, d[2], d[4]));
      const Vec even_a = TimesPlus(-kB2, d[2], d[4]), odd_a = Times(kA, TimesPlus(-kB2, d[1], d[3]));
      v[1] = Add(even_a, odd_a);
      v[2] = Sub(even_a, odd_a);
      const Vec even_b = TimesPlus(-kA2, d[2], d[4]), odd_b = Times(kB, TimesPlus(-kA2, d[1], d[3]));
      v[3] = Add(even_b, odd_b);
      v[4] = Sub(even_b, odd_b);
      v[5] = TimesPlus(kA2B2, d[1], TimesPlus(-kA2PlusB2, d[3], d[5]));
    }
  };

  struct Kernel {  // G
    static constexpr int kFrom = 3, kTo = 6;
    static void Apply(const Vec* w, Vec* u) {
      u[0] = Times(1.0f / kA2B2, w[0]);
      const Vec even_a = Times(kP, TimesPlus(kA2, w[2], w[0])), odd_a = Times(kP * kA, w[1]);
      u[1] = Add(even_a, odd_a);
      u[2] = Sub(even_a, odd_a);
      const Vec even_b = Times(kQ, TimesPlus(kB2, w[2], w[0])), odd_b = Times(kQ * kB, w[1]);
      u[3] = Add(even_b, odd_b);
      u[4] = Sub(even_b, odd_b);
      u[5] = w[2];
    }
  };

  struct Output {  // A^T
    static constexpr int kFrom = 6, kTo = 4;
    static void Apply(const Vec* m, Vec* y) {
      const Vec sum_a = Add(m[1], m[2]), difference_a = Sub(m[1], m[2]);
      const Vec sum_b = Add(m[3], m[4]), difference_b = Sub(m[3], m[4]);
      y[0] = Add(m[0], Add(sum_a, sum_b));
      y[1] = TimesPlus(kB, difference_b, Times(kA, difference_a));
      y[2] = TimesPlus(kB2, sum_b, Times(kA2, sum_a));
      y[3] = TimesPlus(kB2 * kB, difference_b, TimesPlus(kA2 * kA, difference_a, m[5]));
    }
  };

  struct OutputGradient {  // A
    static constexpr int kFrom = 4, kTo = 6;
    static void Apply(const Vec* dy, Vec* z) {
      z[0] = dy[0];
      const Vec even_a = TimesPlus(kA2, dy[2], dy[0]), odd_a = Times(kA, TimesPlus(kA2, dy[3], dy[1]));
      z[1] = Add(even_a, odd_a);
      z[2] = Sub(even_a, odd_a);
      const Vec even_b = TimesPlus(kB2, dy[2], dy[0]), odd_b = Times(kB, TimesPlus(kB2, dy[3], dy[1]));
      z[3] = Add(even_b, odd_b);
      z[4] = Sub(even_b, odd_b);
      z[5] = dy[3];
    }
  };

  struct KernelGradient {  // G^T
    static constexpr int kFrom = 6, kTo = 3;
    static void Apply(const Vec* s, Vec* dw) {
      const Vec even_a = Times(kP, Add(s[1], s[2])), odd_a = Times(kP * kA, Sub(s[1], s[2]));
      const Vec even_b = Times(kQ, Add(s[3], s[4])), odd_b = Times(kQ * kB, Sub(s[3], s[4]));
      dw[0] = TimesPlus(1.0f / kA2B2, s[0], Add(even_a, even_b));
      dw[1] = Add(odd_a, odd_b);
      dw[2] = TimesPlus(kA2, even_a, TimesPlus(kB2, even_b, s[5]));
    }
  };
};

struct F3x4 {
  static constexpr bool kAtZero = true;
  static constexpr int kRun = 128;
  using Input = F4x3::Input;

  struct Kernel {
    static constexpr int kFrom = 4, kTo = 6;
    static void Apply(const Vec* w, Vec* u) {
      u[0] = Times(1.0f / kA2B2, w[0]);
      const Vec even_a = Times(kP, TimesPlus(kA2, w[2], w[0])), odd_a = Times(kP * kA, TimesPlus(kA2, w[3], w[1]));
      u[1] = Add(even_a, odd_a);
      u[2] = Sub(even_a, odd_a);
      const Vec even_b = Times(kQ, TimesPlus(kB2, w[2], w[0])), odd_b = Times(kQ * kB, TimesPlus(kB2, w[3], w[1]));
      u[3] = Add(even_b, odd_b);
      u[4] = Sub(even_b, odd_b);
      u[5] = w[3];
    }
  };

  struct Output {
    static constexpr int kFrom = 6, kTo = 3;
    static void Apply(const Vec* m, Vec* y) {
      const Vec sum_a = Add(m[1], m[2]), sum_b = Add(m[3], m[4]);
      y[0] = Add(m[0], Add(sum_a, sum_b));
      y[1] = TimesPlus(kB, Sub(m[3], m[4]), Times(kA, Sub(m[1], m[2])));
      y[2] = TimesPlus(kB2, sum_b, TimesPlus(kA2, sum_a, m[5]));
    }
  };

  struct OutputGradient {
    static constexpr int kFrom = 3, kTo = 6;
    static void Apply(const Vec* dy, Vec* z) {
      z[0] = dy[0];
      const Vec even_a = TimesPlus(kA2, dy[2], dy[0]), odd_a = Times(kA, dy[1]);
      z[1] = Add(even_a, odd_a);
      z[2] = Sub(even_a, odd_a);
      const Vec even_b = TimesPlus(kB2, dy[2], dy[0]), odd_b = Times(kB, dy[1]);
      z[3] = Add(even_b, odd_b);
      z[4] = Sub(even_b, odd_b);
      z[5] = dy[2];
    }
  };

  struct KernelGradient {
    static constexpr int kFrom = 6, kTo = 4;
    static void Apply(const Vec* s, Vec* dw) {
      const Vec even_a = Times(kP, Add(s[1], s[2])), odd_a = Times(kP * kA, Sub(s[1], s[2]));
      const Vec even_b = Times(kQ, Add(s[3], s[4])), odd_b = Times(kQ * kB, Sub(s[3], s[4]));
      dw[0] = TimesPlus(1.0f / kA2B2, s[0], Add(even_a, even_b));
      dw[1] = Add(odd_a, odd_b);
      dw[2] = TimesPlus(kA2, even_a, Times(kB2, even_b));
      dw[3] = TimesPlus(kA2, odd_a, TimesPlus(kB2, odd_b, s[5]));
    }
  };
};

struct F4x2 {
  static constexpr bool kAtZero = false;
  static constexpr int kRun = 32;
  struct Input {
    static constexpr int kFrom = 5, kTo = 5;
    static void Apply(const Vec* d, Vec* v) {
      const Vec odd_a = TimesPlus(-kD2, d[1], d[3]), even_a = Times(kC, TimesPlus(-kD2, d[0], d[2]));
      v[0] = Add(odd_a, even_a);
      v[1] = Sub(odd_a, even_a);
      const Vec odd_b = TimesPlus(-kC2, d[1], d[3]), even_b = Times(kD, TimesPlus(-kC2, d[0], d[2]));
      v[2] = Add(odd_b, even_b);
      v[3] = Sub(odd_b, even_b);
      v[4] = TimesPlus(kC2 * kD2, d[0], TimesPlus(-(kC2 + kD2), d[2], d[4]));
    }
  };

  struct Kernel {
    static constexpr int kFrom = 2, kTo = 5;
    static void Apply(const Vec* w, Vec* u) {
      const Vec first_a = Times(kR / kC, w[0]), first_b = Times(kS / kD, w[0]);
      u[0] = TimesPlus(kR, w[1], first_a);
      u[1] = Sub(Times(kR, w[1]), first_a);
      u[2] = TimesPlus(kS, w[1], first_b);
      u[3] = Sub(Times(kS, w[1]), first_b);
      u[4] = w[1];
    }
  };

  struct Output {
    static constexpr int kFrom = 5, kTo = 4;
    static void Apply(const Vec* m, Vec* y) {
      const Vec sum_a = Add(m[0], m[1]), difference_a = Sub(m[0], m[1]);
      const Vec sum_b = Add(m[2], m[3]), difference_b = Sub(m[2], m[3]);
      y[0] = Add(sum_a, sum_b);
      y[1] = TimesPlus(kD, difference_b, Times(kC, difference_a));
      y[2] = TimesPlus(kD2, sum_b, Times(kC2, sum_a));
      y[3] = TimesPlus(kD2 * kD, difference_b, TimesPlus(kC2 * kC, difference_a, m[4]));
    }
  };

  struct OutputGradient {
    static constexpr int kFrom = 4, kTo = 5;
    static void Apply(const Vec* dy, Vec* z) {
      const Vec even_a = TimesPlus(kC2, dy[2], dy[0]), odd_a = Times(kC, TimesPlus(kC2, dy[3], dy[1]));
      z[0] = Add(even_a, odd_a);
      z[1] = Sub(even_a, odd_a);
      const Vec even_b = TimesPlus(kD2, dy[2], dy[0]), odd_b = Times(kD, TimesPlus(kD2, dy[3], dy[1]));
      z[2] = Add(even_b, odd_b);
      z[3] = Sub(even_b, odd_b);
      z[4] = dy[3];
    }
  };

  struct KernelGradient {
    static constexpr int kFrom = 5, kTo = 2;
    static void Apply(const Vec* s, Vec* dw) {
      dw[0] = TimesPlus(kR / kC, Sub(s[0], s[1]), Times(kS / kD, Sub(s[2], s[3])));
      dw[1] = TimesPlus(kR, Add(s[0], s[1]), TimesPlus(kS, Add(s[2], s[3]), s[4]));
    }
  };
};

struct F3x2 {
  static constexpr bool kAtZero = true;
  static constexpr int kRun = 128;
  struct Input {
    static constexpr int kFrom = 4, kTo = 4;
    static void Apply(const Vec* d, Vec* v) {
      v[0] = Sub(d[0], d[2]);
      v[1] = Add(d[1], d[2]);
      v[2] = Sub(d[2], d[1]);
      v[3] = Sub(d[3], d[1]);
    }
  };

  struct Kernel {
    static constexpr int kFrom = 2, kTo = 4;
    static void Apply(const Vec* w, Vec* u) {
      u[0] = w[0];
      u[1] = Times(0.5f, Add(w[0], w[1]));
      u[2] = Times(0.5f, Sub(w[0], w[1]));
      u[3] = w[1];
    }
  };

  struct Output {
    static constexpr int kFrom = 4, kTo = 3;
    static void Apply(const Vec* m, Vec* y) {
      const Vec sum = Add(m[1], m[2]);
      y[0] = Add(m[0], sum);
      y[1] = Sub(m[1], m[2]);
      y[2] = Add(sum, m[3]);
    }
  };

  struct OutputGradient {
    static constexpr int kFrom = 3, kTo = 4;
    static void Apply(const Vec* dy, Vec* z) {
      const Vec even = Add(dy[0], dy[2]);
      z[0] = dy[0];
      z[1] = Add(even, dy[1]);
      z[2] = Sub(even, dy[1]);
      z[3] = dy[2];
    }
  };

  struct KernelGradient {
    static constexpr int kFrom = 4, kTo = 2;
    static void Apply(const Vec* s, Vec* dw) {
      dw[0] = TimesPlus(0.5f, Add(s[1], s[2]), s[0]);
      dw[1] = TimesPlus(0.5f, Sub(s[1], s[2]), s[3]);
    }
  };
};

// Applies a transform T to the columns and then to the rows of the kFrom x kFrom values load(i, j), and calls
// store(i, j, value) for the kTo x kTo results.
template <typename T, typename LoadValue, typename StoreValue>
inline void Transform2D(LoadValue load, StoreValue store) {
  Vec half[T::kTo][T::kFrom];
  for (int j = 0; j < T::kFrom; ++j) {
    Vec from[T::kFrom], to[T::kTo];
    for (int i = 0; i < T::kFrom; ++i) from[i] = load(i, j);
    T::Apply(from, to);
    for (int i = 0; i < T::kTo; ++i) half[i][j] = to[i];
  }
  for (int i = 0; i < T::kTo; ++i) {
    Vec to[T::kTo];
    T::Apply(half[i], to);
    for (int j = 0; j < T::kTo; ++j) store(i, j, to[j]);
  }
}

// ---- The functions of the table

// Calls body(c, offset, Full or Partial) for every vector of channels, with its place in a transformed tile.
template <typename Body>
inline void ForTileChannels(int64_t channels, const TransformedTile& tile, Body body) {
  int64_t offset = 0;
  for (int64_t begin = 0; begin < channels; begin += tile.block, offset += tile.block_stride) {
    const int64_t count = channels - begin < tile.block ? channels - begin : tile.block;
    ForVectors(count, [&](int64_t c, auto part) { body(begin + c, offset + c, part); });
  }
}

template <typename Algorithm>
void TransformInput(const float* const* pixels, int64_t channels, const SlotAffine* normalize,
                    const TransformedTile& to) {
  using T = typename Algorithm::Input;
  ForTileChannels(channels, to, [&](int64_t c, int64_t offset, auto part) {
    auto store = [&](int i, int j, Vec value) {
      StoreFloat(to.values + (i * T::kTo + j) * to.value_stride + offset, value, Full{});
    };
    if (normalize) {
      const Vec mean = LoadFloat(normalize->mean + c, part);
      const Vec scale = LoadFloat(normalize->scale + c, part);
      const Vec beta = LoadFloat(normalize->beta + c, part);
      Transform2D<T>(
          [&](int i, int j) {
            return MaxZero(MulAdd(Sub(LoadFloat(pixels[i * T::kFrom + j] + c, part), mean), scale, beta));
          },
          store);
    } else {
      Transform2D<T>([&](int i, int j) { return LoadFloat(pixels[i * T::kFrom + j] + c, part); }, store);
    }
  });
}

template <typename Algorithm>
void TransformOutputGradient(const float* const* pixels, int64_t channels, const TransformedTile& to) {
  using T = typename Algorithm::OutputGradient;
  ForTileChannels(channels, to, [&](int64_t c, int64_t offset, auto part) {
    Transform2D<T>([&](int i, int j) { return LoadFloat(pixels[i * T::kFrom + j] + c, part); },
                   [&](int i, int j, Vec value) {
                     StoreFloat(to.values + (i * T::kTo + j) * to.value_stride + offset, value, Full{});
                   });
  });
}

// Merges the moments of a tile's pixels, kSize x kSize of them, into the running ones by Chan's formula (see
// norm_kernels_impl.h).
template <int kSize, typename Part>
inline void MergeTileMoments(const Vec* y, const OutputTile& tile, float* mean_at, float* m2_at, Part part) {
  const float pixels = static_cast<float>(tile.rows * tile.columns);
  Vec sum = Zero();
  for (int i = 0; i < tile.rows; ++i) {
    for (int j = 0; j < tile.columns; ++j) sum = Add(sum, y[i * kSize + j]);
  }
  const Vec tile_mean = Times(1.0f / pixels, sum);
  Vec m2 = Zero();
  for (int i = 0; i < tile.rows; ++i) {
    for (int j = 0; j < tile.columns; ++j) {
      const Vec d = Sub(y[i * kSize + j], tile_mean);
      m2 = MulAdd(d, d, m2);
    }
  }
  if (tile.pixels_before > 0) {
    const float share = pixels / (static_cast<float>(tile.pixels_before) + pixels);
    const Vec mean = LoadFloat(mean_at, part);
    const Vec delta = Sub(tile_mean, mean);
    StoreFloat(mean_at, TimesPlus(share, delta, mean), part);
    m2 = Add(m2, LoadFloat(m2_at, part));
    m2 = MulAdd(Times(share * static_cast<float>(tile.pixels_before), delta), delta, m2);
  } else {
    StoreFloat(mean_at, tile_mean, part);
  }
  StoreFloat(m2_at, m2, part);
}

template <typename T, bool kWhole>
inline void TransformOutputTile(const float* values, int64_t value_stride, OutputTile to) {
  constexpr int kSize = T::kTo;
  if (kWhole) {  // lets the compiler unroll
    to.first_row = to.first_column = 0;
    to.rows = to.columns = kSize;
  }
  ForVectors(to.channels, [&](int64_t c, auto part) {
    const Vec bias = to.bias ? LoadFloat(to.bias + c, part) : Zero();
    Vec y[kSize * kSize];
    Transform2D<T>([&](int i, int j) { return LoadFloat(values + (i * T::kFrom + j) * value_stride + c, part); },
                   [&](int i, int j, Vec value) { y[i * kSize + j] = Add(value, bias); });
    const Vec* first = y + to.first_row * kSize + to.first_column;
    for (int i = 0; i < to.rows; ++i) {
      for (int j = 0; j < to.columns; ++j) {
        StoreFloat(to.y + i * to.row_stride + j * to.column_stride + c, first[i * kSize + j], part);
      }
    }
    if (to.moments) MergeTileMoments<kSize>(first, to, to.moments + c, to.moments + kPanel + c, part);
  });
}

template <typename Algorithm>
void TransformOutput(const float* values, int64_t value_stride, const OutputTile& to) {
  using T = typename Algorithm::Output;
  if (to.rows == T::kTo && to.columns == T::kTo) {
    TransformOutputTile<T, true>(values, value_stride, to);
  } else {
    TransformOutputTile<T, false>(values, value_stride, to);
  }
}

template <typename Algorithm>
void TransformKernel(const float* const* taps, int64_t channels, float* to, int64_t value_stride) {
  using T = typename Algorithm::Kernel;
  ForVectors(channels, [&](int64_t c, auto part) {
    Transform2D<T>(
        [&](int i, int j) { return LoadFloat(taps[i * T::kFrom + j] + c, part); },
        [&](int i, int j, Vec value) { StoreFloat(to + (i * T::kTo + j) * value_stride + c, value, Full{}); });
  });
}

template <typename Algorithm>
void TransformKernelGradient(const float* values, int64_t value_stride, int64_t channels, float* const* taps) {
  using T = typename Algorithm::KernelGradient;
  ForVectors(channels, [&](int64_t c, auto part) {
    Transform2D<T>([&](int i, int j) { return LoadFloat(values + (i * T::kFrom + j) * value_stride + c, part); },
                   [&](int i, int j, Vec value) {
                     if (float* tap = taps[i * T::kTo + j]) StoreFloat(tap + c, value, part);
                   });
  });
}

template <typename Algorithm>
constexpr WinogradKernels kWinogradTable = {
    Algorithm::Output::kTo,
    Algorithm::Kernel::kFrom,
    Algorithm::kAtZero,
    Algorithm::kRun,
    TransformInput<Algorithm>,
    TransformOutput<Algorithm>,
    TransformKernel<Algorithm>,
    TransformOutputGradient<Algorithm>,
    TransformKernelGradient<Algorithm>,
};

}  // namespace
}  // namespace monet
