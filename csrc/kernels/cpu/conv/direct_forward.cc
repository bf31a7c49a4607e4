#include <variant>

#include "../scratch.h"
#include "direct.h"
#include "few_inputs_forward.h"
#include "few_outputs_forward.h"
#include "input_segments.h"

namespace monet {
namespace {

// The part of a panel that is multiplied at once: it fits into the first level cache. Of short segments there may be
// one more than fits.
constexpr int64_t kChunk = 128, kMaxChunk = 2 * kChunk;

// To wake other threads takes longer than to pack so many floats.
constexpr int64_t kSmallPacking = 65536;

// A worker takes a block of pixels and computes some of their channels: those of part `part` of `parts`.
struct ForwardPlan {
  ForwardPlan(const ConvGeometry& geometry, int threads)
      : segments(InputSegments::Count(geometry)),
        depth(InputSegments::Length(geometry)),
        panel(PanelWidth(geometry.out_channels)),
        panels(CeilDiv(geometry.out_channels, panel)),
        dot_products(ChooseDirectForward(geometry) == DirectForwardVariant::kDotProducts) {
    pixels = std::clamp<int64_t>(262144 / std::max<int64_t>(geometry.depth(), 1), 12, 96);
    // Weights in place come from far away: they are read once.
    if (geometry.out_pixels() <= kFewPixels && !dot_products) pixels = kFewPixels;
    blocks = CeilDiv(geometry.out_pixels(), pixels);
    const int64_t wanted = threads > 1 ? 4 * threads : 1;
    parts = std::clamp<int64_t>(wanted / std::max<int64_t>(blocks, 1), 1, panels);
  }

  int64_t segments, depth;  // of a row, see RowsOperand
  int64_t panel, panels;
  bool dot_products;       // of the output channels, which are then one panel
  int64_t pixels, blocks;  // of a block: the kernel is read once for them
  int64_t parts;
};

struct ForwardScratch {
  ForwardScratch(const ForwardPlan& plan, const ConvGeometry& geometry, int threads, void* memory) {
    Scratch scratch(memory);
    zeros = scratch.Take<float>(plan.depth);
    rows = scratch.Take<const float*>(threads * plan.segments * plan.pixels);
    vectors = scratch.Take<const float*>(threads * plan.segments);
    outputs = scratch.Take<float*>(threads * plan.pixels);
    patch_size = plan.pixels * InputSegments::PatchLength(geometry);
    patches = scratch.Take<float>(threads * plan.segments * patch_size);
    products = scratch.Take<float>(threads * plan.pixels * plan.panel);
    turned = scratch.Take<float>(threads * kMaxChunk * plan.panel);
    bytes = scratch.bytes();
  }

  int64_t patch_size;
  float* zeros;           // [depth]
  const float** rows;     // [worker][segment][pixel]
  const float** vectors;  // [worker][segment]
  float** outputs;        // [worker][pixel]
  float* patches;         // [worker][segment][patch_size]
  float* products;        // [worker][pixel][panel]
  float* turned;          // [worker][kMaxChunk][panel]
  size_t bytes;
};

// What one worker does for a block of pixels.
class Worker {
 public:
  Worker(const DirectConv& call, const ForwardPlan& plan, const ForwardScratch& scratch, int worker, int64_t block)
      : geometry_(call.geometry),
        places_(call.places),
        call_(call),
        plan_(plan),
        kernels_(SelectedConvKernels()),
        zeros_(scratch.zeros),
        rows_(scratch.rows + worker * plan.segments * plan.pixels),
        vectors_(scratch.vectors + worker * plan.segments),
        outputs_(scratch.outputs + worker * plan.pixels),
        products_(scratch.products + worker * plan.pixels * plan.panel),
        turned_(scratch.turned + worker * kMaxChunk * plan.panel),
        pixels_(std::min(plan.pixels, geometry_.out_pixels() - block * plan.pixels)) {
    const int64_t first = block * plan.pixels;
    for (int64_t segment = 0; segment < plan.segments; ++segment) {
      float* patches = scratch.patches + (worker * plan.segments + segment) * scratch.patch_size;
      InputSegments(geometry_, call.x, zeros_, patches).Find(first, pixels_, segment, Rows(segment));
    }
    FindOutputs(first);
  }

  // Computes the output channels as dot products.
  void Dot() const {
    for (int64_t segment = 0; segment < plan_.segments; ++segment) {
      vectors_[segment] = call_.in_place ? SegmentWeights(segment) : call_.kernel + segment * plan_.depth;
    }
    kernels_.dot_rows({rows_, plan_.segments, pixels_, 0, plan_.depth},
                      {pixels_, geometry_.out_channels, vectors_,
                       call_.in_place ? geometry_.in_channels : geometry_.depth(), outputs_, call_.bias});
  }

  // Computes a panel of output channels, in chunks of the depth: several segments at once, or part of one.
  void Multiply(int64_t panel) const {
    const int64_t O = geometry_.out_channels, o = panel * plan_.panel, columns = std::min(plan_.panel, O - o);
    const bool dense = places_.step == 1;
    const float* bias = call_.bias ? call_.bias + o : nullptr;
    PanelProduct product;
    product.rows = pixels_;
    product.columns = columns;
    product.c = dense ? outputs_[0] + o : products_;
    product.c_stride = dense ? O : plan_.panel;
    product.init = bias;
    product.init_stride = 0;
    product.c_begin = o;

    const int64_t chunks = CeilDiv(plan_.segments * plan_.depth, kChunk);
    const int64_t segments_per_chunk = CeilDiv(plan_.segments, std::min(plan_.segments, chunks));
    const int64_t chunk = CeilDiv(plan_.depth, CeilDiv(plan_.depth, kChunk));
    for (int64_t segment = 0; segment < plan_.segments; segment += segments_per_chunk) {
      const int64_t segments = std::min(segments_per_chunk, plan_.segments - segment);
      // The last one is done in any case, so that there is a result.
      if (segments == 1 && segment + 1 < plan_.segments && IsZero(segment)) continue;
      for (int64_t c = 0; c < plan_.depth; c += chunk) {
        const int64_t depth = std::min(chunk, plan_.depth - c);
        Weights(segment, segments, c, depth, o, columns, &product);
        const bool ends = segment + segments == plan_.segments && c + depth == plan_.depth;
        if (ends && !dense) product.c_rows = outputs_;
        kernels_.multiply_rows({Rows(segment), segments, pixels_, c, depth}, product);
        product.init = product.c;
        product.init_stride = product.c_stride;
      }
    }
  }

 private:
  // Finds the weights of `columns` output channels from o on, for values [c, c + depth) of some segments.
  void Weights(int64_t segment, int64_t segments, int64_t c, int64_t depth, int64_t o, int64_t columns,
               PanelProduct* product) const {
    const int64_t row = segment * plan_.depth + c, C = geometry_.in_channels;
    product->b_stride = plan_.panel;
    if (!call_.in_place) {
      product->b = call_.kernel + o * geometry_.depth() + row * plan_.panel;
    } else if (!geometry_.order.transposed) {
      product->b = call_.kernel + row * geometry_.out_channels + o;
      product->b_stride = geometry_.out_channels;
    } else {
      product->b = turned_;
      for (int64_t s = 0; s < segments; ++s) {
        kernels_.transpose(SegmentWeights(segment + s) + o * C + c, C, columns, depth,
                           turned_ + s * depth * plan_.panel, plan_.panel);
      }
    }
  }

  // Of a segment that is one tap.
  const float* SegmentWeights(int64_t segment) const {
    return geometry_.Weights(call_.kernel, segment / geometry_.kernel_width, segment % geometry_.kernel_width);
  }

  const float** Rows(int64_t segment) const { return rows_ + segment * pixels_; }

  // Whether all pixels read nothing but the border there.
  bool IsZero(int64_t segment) const {
    return std::all_of(Rows(segment), Rows(segment) + pixels_, [&](const float* row) { return row == zeros_; });
  }

  // Where the output pixels are stored, from number `first` of the whole batch on.
  void FindOutputs(int64_t first) const {
    const int64_t width = geometry_.out_width;
    int64_t w = first % width, line = first / width;
    for (int64_t i = 0; i < pixels_; ++line, w = 0) {
      const int64_t n = line / geometry_.out_height, h = line % geometry_.out_height;
      const int64_t row = n * places_.height + h * places_.step + places_.top;
      for (; w < width && i < pixels_; ++w, ++i) {
        outputs_[i] = call_.y + (row * places_.width + w * places_.step + places_.left) * geometry_.out_channels;
      }
    }
  }

  const ConvGeometry& geometry_;
  const OutputPlaces& places_;
  const DirectConv& call_;
  const ForwardPlan& plan_;
  const ConvKernels& kernels_;
  const float* zeros_;
  const float** rows_;
  const float** vectors_;
  float** outputs_;
  float* products_;
  float* turned_;
  int64_t pixels_;
};

// One convolution, in items for threads to claim.
class Run {
 public:
  Run(const DirectConv& call, int threads)
      : call_(call), plan_(call.geometry, threads), scratch_(plan_, call.geometry, threads, call.scratch) {
    std::fill_n(scratch_.zeros, plan_.depth, 0.0f);
  }

  int64_t items() const { return plan_.blocks * plan_.parts; }

  void Do(int worker, int64_t item) const {
    const Worker work(call_, plan_, scratch_, worker, item / plan_.parts);
    const int64_t part = item % plan_.parts;
    const int64_t begin = part * plan_.panels / plan_.parts, end = (part + 1) * plan_.panels / plan_.parts;
    if (plan_.dot_products) {
      work.Dot();
    } else {
      for (int64_t panel = begin; panel < end; ++panel) work.Multiply(panel);
    }
  }

 private:
  const DirectConv& call_;
  ForwardPlan plan_;
  ForwardScratch scratch_;
};

}  // namespace

size_t DirectForwardScratchBytes(const ConvGeometry& geometry, int threads) {
  switch (ChooseDirectForward(geometry)) {
    case DirectForwardVariant::kPixelVectors:
      return FewOutputsForwardScratchBytes(geometry, threads);
    case DirectForwardVariant::kInputLines:
      return FewInputsForwardScratchBytes(geometry, threads);
    case DirectForwardVariant::kPanels:
    case DirectForwardVariant::kDotProducts:
      break;
  }
  return ForwardScratch(ForwardPlan(geometry, threads), geometry, threads, nullptr).bytes;
}

void DirectForward(const std::vector<DirectConv>& convs, ThreadPool& pool) {
  std::vector<std::variant<Run, FewOutputsForward, FewInputsForward>> runs;
  std::vector<int64_t> ends;  // of their items, counted over all of them
  int64_t items = 0;
  for (const DirectConv& conv : convs) {
    switch (ChooseDirectForward(conv.geometry)) {
      case DirectForwardVariant::kPixelVectors:
        runs.emplace_back(FewOutputsForward(conv, pool.num_threads()));
        break;
      case DirectForwardVariant::kInputLines:
        runs.emplace_back(FewInputsForward(conv, pool.num_threads()));
        break;
      case DirectForwardVariant::kPanels:
      case DirectForwardVariant::kDotProducts:
        runs.emplace_back(Run(conv, pool.num_threads()));
        break;
    }
    items += std::visit([](const auto& run) { return run.items(); }, runs.back());
    ends.push_back(items);
  }
  // Those of one size take turns: together they fill the lines of memory that each writes a part of.
  bool alike = true;
  for (size_t i = 0; i < ends.size(); ++i) alike &= ends[i] == static_cast<int64_t>(i + 1) * ends[0];
  ForItems(pool, items, [&](int worker, int64_t item) {
    size_t i = 0;
    while (item >= ends[i]) ++i;
    int64_t own = item - (i > 0 ? ends[i - 1] : 0);
    if (alike) i = item % runs.size(), own = item / runs.size();
    std::visit([&](const auto& run) { run.Do(worker, own); }, runs[i]);
  });
}

size_t DirectPackedBytes(const ConvGeometry& geometry) {
  const int64_t O = geometry.out_channels;
  int64_t columns = O;
  switch (ChooseDirectForward(geometry)) {
    case DirectForwardVariant::kPanels:
    case DirectForwardVariant::kInputLines:
      columns = RoundUp(O, PanelWidth(O));
      break;
    case DirectForwardVariant::kPixelVectors:
    case DirectForwardVariant::kDotProducts:
      break;
  }
  return static_cast<size_t>(geometry.depth() * columns) * sizeof(float);
}

void DirectPack(const ConvGeometry& geometry, const float* kernel, float* packed, ThreadPool& pool) {
  const int64_t C = geometry.in_channels, O = geometry.out_channels, taps = geometry.taps();
  const bool transposed = geometry.order.transposed;
  // The weight of channels (c, o) is weights[c * c_stride + o * o_stride].
  const int64_t c_stride = transposed ? 1 : O, o_stride = transposed ? C : 1;
  auto weights = [&](int64_t tap) {
    return geometry.Weights(kernel, tap / geometry.kernel_width, tap % geometry.kernel_width);
  };
  const DirectForwardVariant variant = ChooseDirectForward(geometry);
  if (variant == DirectForwardVariant::kPixelVectors) {
    for (int64_t tap = 0; tap < taps; ++tap) {
      const float* from = weights(tap);
      for (int64_t i = 0; i < C * O; ++i) packed[tap * C * O + i] = from[i / O * c_stride + i % O * o_stride];
    }
    return;
  }
  if (variant == DirectForwardVariant::kDotProducts) {
    ParallelFor(pool, O * taps, std::max<int64_t>(1, kSmallPacking / C), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const float* from = weights(i % taps) + i / taps * o_stride;
        for (int64_t c = 0; c < C; ++c) packed[i * C + c] = from[c * c_stride];
      }
    });
    return;
  }
  const int64_t panel = PanelWidth(O), grain = std::max<int64_t>(1, kSmallPacking / (C * panel));
  ParallelFor(pool, CeilDiv(O, panel) * taps, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t first = i / taps * panel, columns = std::min(panel, O - first);
      const float* from = weights(i % taps) + first * o_stride;
      float* to = packed + i * C * panel;
      if (transposed) {
        SelectedConvKernels().transpose(from, C, columns, C, to, panel);
      } else {
        for (int64_t c = 0; c < C; ++c) std::copy_n(from + c * O, columns, to + c * panel);
      }
      for (int64_t c = 0; c < C; ++c) std::fill(to + c * panel + columns, to + (c + 1) * panel, 0.0f);
    }
  });
}

}  // namespace monet
