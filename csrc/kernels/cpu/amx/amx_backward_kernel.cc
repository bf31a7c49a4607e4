#include "amx_conv.h"
#include "../scratch.h"
#include "../winograd/winograd_tiles.h"

namespace monet {
namespace {

// The sum over pixels is a matrix product, which wants pixels side by side: rows of the image are cut into blocks of 32
// pixels, the last filled up with zeros, and x is turned into [block of channels][column of the kernel][row of the
// padded image][block of pixels][32 channels][32 pixels]. The columns of the kernel each have a copy of x, shifted so
// that a tile begins at a cache line; for another row of the kernel one begins reading another row down.
//
// As much is packed at a time as stays in a core's cache: some images, or some rows of one.
struct GradientPlan {
  explicit GradientPlan(const ConvGeometry& geometry)
      : layout(geometry),
        row_blocks(CeilDiv(geometry.out_width, kAmxBlock)),
        out_blocks(CeilDiv(geometry.out_channels, kAmxBlock)),
        x_row(row_blocks * kAmxBlockValues),
        rows(std::clamp<int64_t>(kValues / ((geometry.kernel_width * layout.blocks + out_blocks) * x_row),
                                 std::min(kFewRows, geometry.out_height), geometry.out_height)),
        x_rows(rows + geometry.kernel_height - 1),
        x_copy(x_rows * x_row),
        x_block(geometry.kernel_width * x_copy),
        x_image(layout.blocks * x_block),
        dy_block(rows * x_row),
        dy_image(out_blocks * dy_block),
        images(rows < geometry.out_height
                   ? 1
                   : std::clamp<int64_t>(kValues / (x_image + dy_image), 1, std::max<int64_t>(1, geometry.batch))),
        sums(geometry.taps() * layout.blocks * out_blocks) {}

  static constexpr int64_t kValues = int64_t{256} << 10;  // half a megabyte
  static constexpr int64_t kFewRows = 16;  // those above and below are packed once more, so fewer don't pay

  AmxLayout layout;
  int64_t row_blocks, out_blocks;
  int64_t x_row;                     // values of a row of one block of channels, of x and of dy
  int64_t rows, x_rows;              // of dy, and of the padded x, that are packed at a time
  int64_t x_copy, x_block, x_image;  // values per column of the kernel, block of channels, image
  int64_t dy_block, dy_image;
  int64_t images;  // that are packed at a time
  int64_t sums;    // blocks of the kernel's gradient
};

struct GradientScratch {
  GradientScratch(const ConvGeometry& geometry, const GradientPlan& plan, int threads, void* memory) {
    Scratch scratch(memory);
    x = scratch.Take<uint16_t>(plan.images * plan.x_image);
    dy = scratch.Take<uint16_t>(plan.images * plan.dy_image);
    sums = scratch.Take<float>(plan.sums * kAmxBlockValues);
    row_pixels = plan.row_blocks * kAmxBlock + geometry.kernel_width;
    rows = scratch.Take<uint16_t>(threads * row_pixels * kAmxBlock);
    normalized = scratch.Take<float>(threads * geometry.in_width * geometry.in_channels);
    bytes = scratch.bytes();
  }

  uint16_t* x;
  uint16_t* dy;
  float* sums;  // [tap][block of in_channels][block of out_channels][32][32]
  int64_t row_pixels;
  uint16_t* rows;     // [worker][row_pixels][32]
  float* normalized;  // [worker][in_width][in_channels]
  size_t bytes;
};

class KernelGradient {
 public:
  KernelGradient(const AmxKernels& kernels, const ConvGeometry& geometry, int threads, void* memory)
      : kernels_(kernels), geometry_(geometry), plan_(geometry), scratch_(geometry, plan_, threads, memory) {}

  const GradientPlan& plan() const { return plan_; }

  // Row `first` + `row` of the padded image n, as that row of number i of the images packed.
  void PackInput(int worker, const float* x, const float* normalize, int64_t n, int64_t i, int64_t first,
                 int64_t row) const {
    const int64_t C = geometry_.in_channels, width = geometry_.in_width, pad = geometry_.pad_left;
    const int64_t h = Reflect(first + row - pad, geometry_.in_height);
    const float* from = x + (n * geometry_.in_height + h) * width * C;
    if (normalize) {
      float* normalized = scratch_.normalized + worker * width * C;
      Float32NormKernels().normalize(from, nullptr, normalized, width * C, C, ImageAffine(normalize, n, C),
                                     {Activation::kRelu, 0.0f});
      from = normalized;
    }
    uint16_t* pixels = Row(worker);
    for (int64_t block = 0; block < plan_.layout.blocks; ++block) {
      const int64_t c = block * kAmxBlock;
      kernels_.pack(DType::kFloat32, from + c, C, width, std::min(kAmxBlock, C - c), pixels + pad * kAmxBlock);
      AmxFillBorder(pixels, width, pad, true);
      for (int64_t column = 0; column < geometry_.kernel_width; ++column) {
        uint16_t* to =
            scratch_.x + i * plan_.x_image + block * plan_.x_block + column * plan_.x_copy + row * plan_.x_row;
        TransposeRow(pixels + column * kAmxBlock, to);
      }
    }
  }

  void PackOutputGradient(int worker, const float* dy, int64_t n, int64_t i, int64_t first, int64_t row) const {
    const int64_t O = geometry_.out_channels, width = geometry_.out_width;
    const float* from = dy + (n * geometry_.out_height + first + row) * width * O;
    uint16_t* pixels = Row(worker);
    for (int64_t block = 0; block < plan_.out_blocks; ++block) {
      const int64_t o = block * kAmxBlock;
      kernels_.pack(DType::kFloat32, from + o, O, width, std::min(kAmxBlock, O - o), pixels);
      std::fill(pixels + width * kAmxBlock, pixels + plan_.row_blocks * kAmxBlockValues, uint16_t{0});
      uint16_t* to = scratch_.dy + i * plan_.dy_image + block * plan_.dy_block + row * plan_.x_row;
      for (int64_t b = 0; b < plan_.row_blocks; ++b) {
        kernels_.interleave(pixels + b * kAmxBlockValues, to + b * kAmxBlockValues);
      }
    }
  }

  // Block `item` of the kernel's gradient, over the images and rows packed.
  void Multiply(int64_t item, int64_t images, int64_t rows, bool add) const {
    const int64_t out_block = item % plan_.out_blocks, block = item / plan_.out_blocks % plan_.layout.blocks;
    const int64_t tap = item / plan_.out_blocks / plan_.layout.blocks;
    const int64_t row = tap / geometry_.kernel_width, column = tap % geometry_.kernel_width;
    AmxKernelGradient call{};
    call.images = images;
    call.x_stride = plan_.x_image;
    call.dy_stride = plan_.dy_image;
    call.blocks = rows * plan_.row_blocks;
    call.x = scratch_.x + block * plan_.x_block + column * plan_.x_copy + row * plan_.x_row;
    call.dy = scratch_.dy + out_block * plan_.dy_block;
    call.add = add;
    call.sums = scratch_.sums + item * kAmxBlockValues;
    kernels_.kernel_gradient(call);
  }

  void Unpack(int64_t item, float* dkernel) const {
    const int64_t C = geometry_.in_channels, O = geometry_.out_channels;
    const int64_t o = item % plan_.out_blocks * kAmxBlock,
                  c = item / plan_.out_blocks % plan_.layout.blocks * kAmxBlock;
    const int64_t tap = item / plan_.out_blocks / plan_.layout.blocks;
    const float* sums = scratch_.sums + item * kAmxBlockValues;
    for (int64_t i = 0; i < std::min(kAmxBlock, C - c); ++i) {
      std::copy_n(sums + i * kAmxBlock, std::min(kAmxBlock, O - o), dkernel + (tap * C + c + i) * O + o);
    }
  }

 private:
  uint16_t* Row(int worker) const { return scratch_.rows + worker * scratch_.row_pixels * kAmxBlock; }

  // Pixels beyond the image's width become zero: their products with dy's zeros would not be, if they were infinite.
  void TransposeRow(const uint16_t* pixels, uint16_t* to) const {
    for (int64_t b = 0; b < plan_.row_blocks; ++b) {
      uint16_t* block = to + b * kAmxBlockValues;
      kernels_.transpose(pixels + b * kAmxBlockValues, block);
      const int64_t exist = std::min(kAmxBlock, geometry_.out_width - b * kAmxBlock);
      for (int64_t c = 0; c < kAmxBlock && exist < kAmxBlock; ++c) {
        std::fill(block + c * kAmxBlock + exist, block + (c + 1) * kAmxBlock, uint16_t{0});
      }
    }
  }

  const AmxKernels& kernels_;
  const ConvGeometry& geometry_;
  const GradientPlan plan_;
  const GradientScratch scratch_;
};

}  // namespace

size_t AmxBackwardKernelScratchBytes(const ConvGeometry& geometry, int threads) {
  return GradientScratch(geometry, GradientPlan(geometry), threads, nullptr).bytes;
}

void AmxBackwardKernel(const AmxKernels& kernels, const ConvGeometry& geometry, const float* x, const float* normalize,
                       const float* dy, float* dkernel, void* memory, ThreadPool& pool) {
  const KernelGradient gradient(kernels, geometry, pool.num_threads(), memory);
  const GradientPlan& plan = gradient.plan();
  if (geometry.batch == 0) std::fill_n(dkernel, geometry.depth() * geometry.out_channels, 0.0f);

  for (int64_t n = 0; n < geometry.batch; n += plan.images) {
    const int64_t images = std::min(plan.images, geometry.batch - n);
    for (int64_t first = 0; first < geometry.out_height; first += plan.rows) {
      const int64_t rows = std::min(plan.rows, geometry.out_height - first);
      const int64_t x_rows = rows + geometry.kernel_height - 1;
      ForItems(pool, images * (x_rows + rows), [&](int worker, int64_t item) {
        const int64_t i = item / (x_rows + rows), row = item % (x_rows + rows);
        if (row < x_rows) {
          gradient.PackInput(worker, x, normalize, n + i, i, first, row);
        } else {
          gradient.PackOutputGradient(worker, dy, n + i, i, first, row - x_rows);
        }
      });
      const bool is_last = n + images == geometry.batch && first + rows == geometry.out_height;
      ForItems(pool, plan.sums, [&](int, int64_t item) {
        gradient.Multiply(item, images, rows, n > 0 || first > 0);
        if (is_last) gradient.Unpack(item, dkernel);
      });
    }
  }
}

}  // namespace monet
