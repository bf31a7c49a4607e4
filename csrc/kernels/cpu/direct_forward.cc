#include "direct.h"
#include "scratch.h"

namespace monet {
namespace {

// A generator's last layer, for instance. See dot_product.h.
bool FewOutputs(const ConvGeometry& geometry) { return geometry.out_channels <= 4 && geometry.in_channels >= 8; }

// Pixels a worker computes at a time: the packed kernel is read once for them.
int64_t PixelsPerItem(const ConvGeometry& geometry) { return geometry.taps() <= 9 ? 96 : 48; }

struct ForwardScratch {
  ForwardScratch(const ConvGeometry& geometry, int threads, void* memory) {
    Scratch scratch(memory);
    zeros = scratch.Take<float>(geometry.in_channels);
    rows = scratch.Take<const float*>(threads * geometry.taps() * PixelsPerItem(geometry));
    bytes = scratch.bytes();
  }

  float* zeros;        // [in_channels]
  const float** rows;  // [worker][tap][pixel]
  size_t bytes;
};

// What each tap of each of `pixels` output pixels, beginning with number `first`, reads: rows[tap][pixel].
void FindInput(const ConvGeometry& geometry, const float* x, const float* zeros, int64_t first, int64_t pixels,
               const float** rows) {
  for (int64_t i = 0; i < pixels; ++i) {
    const int64_t w = (first + i) % geometry.out_width, row = (first + i) / geometry.out_width;
    const int64_t h = row % geometry.out_height, n = row / geometry.out_height;
    for (int64_t tap = 0; tap < geometry.taps(); ++tap) {
      rows[tap * pixels + i] = geometry.InputPixel(x, n, h - geometry.pad + tap / geometry.size,
                                                   w - geometry.pad + tap % geometry.size, zeros);
    }
  }
}

// Multiplies the pixels with one panel, in chunks of the depth whose part of the packed kernel fits into the first level
// cache: several taps at once, or part of one.
void MultiplyPanel(const ConvGeometry& geometry, const float* const* rows, int64_t pixels, const float* packed,
                   const float* bias, int64_t columns, float* y) {
  const ConvKernels& kernels = SelectedConvKernels();
  const int64_t C = geometry.in_channels, O = geometry.out_channels;
  const int64_t taps_per_chunk = std::max<int64_t>(1, 128 / C);
  const int64_t chunk = CeilDiv(C, CeilDiv(C, 128));
  PanelProduct product{pixels, columns, packed, y, O, bias, 0};
  for (int64_t tap = 0; tap < geometry.taps(); tap += taps_per_chunk) {
    for (int64_t c = 0; c < C; c += chunk) {
      product.b = packed + (tap * C + c) * kernels.panel;
      kernels.multiply_rows({rows + tap * pixels, std::min(taps_per_chunk, geometry.taps() - tap), pixels, c,
                             std::min(chunk, C - c)},
                            product);
      product.init = y;
      product.init_stride = O;
    }
  }
}

}  // namespace

size_t DirectForwardScratchBytes(const ConvGeometry& geometry, int threads) {
  return ForwardScratch(geometry, threads, nullptr).bytes;
}

void DirectForward(const ConvGeometry& geometry, const float* x, const float* packed, const float* bias, float* y,
                   void* memory, ThreadPool& pool) {
  const ForwardScratch scratch(geometry, pool.num_threads(), memory);
  std::fill_n(scratch.zeros, geometry.in_channels, 0.0f);
  const ConvKernels& kernels = SelectedConvKernels();
  const int64_t block = PixelsPerItem(geometry), O = geometry.out_channels;

  ForItems(pool, CeilDiv(geometry.out_pixels(), block), [&](int worker, int64_t item) {
    const int64_t first = item * block, pixels = std::min(block, geometry.out_pixels() - first);
    const float** rows = scratch.rows + worker * geometry.taps() * block;
    FindInput(geometry, x, scratch.zeros, first, pixels, rows);
    if (FewOutputs(geometry)) {
      kernels.dot_rows({rows, geometry.taps(), pixels, 0, geometry.in_channels},
                       {pixels, O, packed, geometry.depth(), y + first * O, bias});
      return;
    }
    for (int64_t o = 0; o < O; o += kernels.panel) {
      MultiplyPanel(geometry, rows, pixels, packed + o * geometry.depth(), bias ? bias + o : nullptr,
                    std::min(kernels.panel, O - o), y + first * O + o);
    }
  });
}

size_t DirectPackedBytes(const ConvGeometry& geometry) {
  const int64_t columns =
      FewOutputs(geometry) ? geometry.out_channels : RoundUp(geometry.out_channels, SelectedConvKernels().panel);
  return static_cast<size_t>(geometry.depth() * columns) * sizeof(float);
}

void DirectPack(const ConvGeometry& geometry, bool transposed, const float* kernel, float* packed, ThreadPool& pool) {
  const int64_t C = geometry.in_channels, O = geometry.out_channels, taps = geometry.taps();
  auto weight = [&](int64_t tap, int64_t c, int64_t o) {
    return transposed ? kernel[((taps - 1 - tap) * O + o) * C + c] : kernel[(tap * C + c) * O + o];
  };
  if (FewOutputs(geometry)) {
    ParallelFor(pool, O * taps, std::max<int64_t>(1, 16384 / C), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        for (int64_t c = 0; c < C; ++c) packed[i * C + c] = weight(i % taps, c, i / taps);
      }
    });
    return;
  }
  const int64_t panel = SelectedConvKernels().panel;
  ParallelFor(pool, CeilDiv(O, panel) * taps, std::max<int64_t>(1, 16384 / (C * panel)), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t first = i / taps * panel;
      for (int64_t c = 0; c < C; ++c) {
        float* to = packed + (i * C + c) * panel;
        for (int64_t o = 0; o < panel; ++o) to[o] = first + o < O ? weight(i % taps, c, first + o) : 0.0f;
      }
    }
  });
}

}  // namespace monet
