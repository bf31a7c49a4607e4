#include "direct.h"
#include "input_segments.h"
#include "scratch.h"

namespace monet {
namespace {

// A generator's last layer, for instance. See dot_product.h.
bool FewOutputs(const ConvGeometry& geometry) { return geometry.out_channels <= 4 && geometry.in_channels >= 16; }

struct ForwardPlan {
  explicit ForwardPlan(const ConvGeometry& geometry)
      : segments(geometry.size),
        depth(InputSegments::Length(geometry)),
        pixels(std::clamp<int64_t>(262144 / geometry.depth(), 12, 96)) {}

  int64_t segments, depth;  // of a row, see RowsOperand
  int64_t pixels;           // that a worker computes at a time: the packed kernel is read once for them
};

struct ForwardScratch {
  ForwardScratch(const ForwardPlan& plan, int threads, void* memory) {
    Scratch scratch(memory);
    zeros = scratch.Take<float>(plan.depth);
    rows = scratch.Take<const float*>(threads * plan.segments * plan.pixels);
    patches = scratch.Take<float>(threads * plan.segments * plan.pixels * plan.depth);
    bytes = scratch.bytes();
  }

  float* zeros;        // [depth]
  const float** rows;  // [worker][segment][pixel]
  float* patches;      // [worker][segment][pixel][depth]
  size_t bytes;
};

// Multiplies the pixels with one panel, in chunks of the depth whose part of the packed kernel fits into the first level
// cache: several segments at once, or part of one.
void MultiplyPanel(const ForwardPlan& plan, const float* const* rows, int64_t pixels, PanelProduct product) {
  const ConvKernels& kernels = SelectedConvKernels();
  const float* packed = product.b;
  const int64_t chunks = CeilDiv(plan.segments * plan.depth, 128);
  const int64_t segments_per_chunk = CeilDiv(plan.segments, std::min(plan.segments, chunks));
  const int64_t chunk = CeilDiv(plan.depth, CeilDiv(plan.depth, 128));
  for (int64_t segment = 0; segment < plan.segments; segment += segments_per_chunk) {
    for (int64_t c = 0; c < plan.depth; c += chunk) {
      product.b = packed + (segment * plan.depth + c) * kernels.panel;
      kernels.multiply_rows({rows + segment * pixels, std::min(segments_per_chunk, plan.segments - segment), pixels, c,
                             std::min(chunk, plan.depth - c)},
                            product);
      product.init = product.c;
      product.init_stride = product.c_stride;
    }
  }
}

}  // namespace

size_t DirectForwardScratchBytes(const ConvGeometry& geometry, int threads) {
  return ForwardScratch(ForwardPlan(geometry), threads, nullptr).bytes;
}

void DirectForward(const ConvGeometry& geometry, const float* x, const float* packed, const float* bias, float* y,
                   void* memory, ThreadPool& pool) {
  const ForwardPlan plan(geometry);
  const ForwardScratch scratch(plan, pool.num_threads(), memory);
  std::fill_n(scratch.zeros, plan.depth, 0.0f);
  const ConvKernels& kernels = SelectedConvKernels();
  const int64_t O = geometry.out_channels;

  ForItems(pool, CeilDiv(geometry.out_pixels(), plan.pixels), [&](int worker, int64_t item) {
    const int64_t first = item * plan.pixels, pixels = std::min(plan.pixels, geometry.out_pixels() - first);
    const float** rows = scratch.rows + worker * plan.segments * plan.pixels;
    for (int64_t row = 0; row < plan.segments; ++row) {
      float* patches = scratch.patches + (worker * plan.segments + row) * plan.pixels * plan.depth;
      InputSegments(geometry, x, scratch.zeros, patches).Find(first, pixels, row, rows + row * pixels);
    }
    if (FewOutputs(geometry)) {
      kernels.dot_rows({rows, plan.segments, pixels, 0, plan.depth},
                       {pixels, O, packed, geometry.depth(), y + first * O, bias});
      return;
    }
    for (int64_t o = 0; o < O; o += kernels.panel) {
      MultiplyPanel(plan, rows, pixels,
                    {pixels, std::min(kernels.panel, O - o), packed + o * geometry.depth(), y + first * O + o, O,
                     bias ? bias + o : nullptr, 0});
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
