#include "amx_residual_block.h"

#include <cmath>
#include <cstring>

#include "amx_conv.h"
#include "../scratch.h"

namespace monet {
namespace {

// A work item owns one block of output channels of an image, over all pixels. So it has the statistics of its channels
// when its convolution is done, and normalizes its own data while that is in the second level cache: there is one join
// per convolution and no pass over the whole tensor.
//
// Convolution 1 writes its output, rounded to bfloat16, to where convolution 2 will read it as packed images. The item
// then normalizes it there and adds the reflected border. Statistics come from the sums before rounding.
struct BlockScratch {
  BlockScratch(const ResidualBlockShape& shape, void* memory) {
    const int64_t values = shape.batch * AmxLayout(ConvGeometry::Forward(shape.conv())).image_stride;
    Scratch scratch(memory);
    x = scratch.Take<uint16_t>(values);
    activated = scratch.Take<uint16_t>(values);
    bytes = scratch.bytes();
  }

  uint16_t* x;          // packed images
  uint16_t* activated;  // relu(IN(conv1)), likewise
  size_t bytes;
};

// The normalisation of a block of channels. Channels that don't exist become 0.
struct BlockAffine {
  alignas(64) float mean[kAmxBlock] = {};
  alignas(64) float scale[kAmxBlock] = {};
  alignas(64) float beta[kAmxBlock] = {};

  BlockAffine(const AmxMoments& moments, float epsilon, const ConvNormWeights& weights, int64_t first, int64_t channels,
              float* saved_mean, float* saved_rstd) {
    for (int64_t i = 0; i < channels; ++i) {
      const double variance = moments.m2[i] / static_cast<double>(moments.pixels);
      saved_mean[i] = mean[i] = static_cast<float>(moments.mean[i]);
      saved_rstd[i] = static_cast<float>(1.0 / std::sqrt(variance + epsilon));
      scale[i] = weights.gamma[first + i] * saved_rstd[i];
      beta[i] = weights.beta[first + i];
    }
  }
};

class BlockForward {
 public:
  BlockForward(const AmxKernels& kernels, const ResidualBlockShape& shape, float epsilon, DType dtype,
               const ConvNormWeights* weights, const ConvNormSaved* saved, const BlockScratch& scratch)
      : kernels_(kernels),
        shape_(shape),
        geometry_(ConvGeometry::Forward(shape.conv())),
        layout_(geometry_),
        epsilon_(epsilon),
        dtype_(dtype),
        weights_(weights),
        saved_(saved),
        scratch_(scratch) {}

  const ConvGeometry& geometry() const { return geometry_; }
  int64_t items() const { return shape_.batch * layout_.blocks; }

  void First(int64_t item) const {
    const Item at(item, layout_.blocks, shape_);
    AmxOutput output{};
    output.dtype = DType::kBFloat16;
    output.to = layout_.Row(scratch_.activated, at.image, at.block, kPad) + kPad * kAmxBlock;
    output.row_stride = layout_.width * kAmxBlock;
    output.pixel_stride = kAmxBlock;
    output.channels = kAmxBlock;
    const BlockAffine affine = Convolve(0, scratch_.x, at, output);

    const NormKernels& norm = SelectedNormKernels(DType::kBFloat16);
    for (int64_t h = 0; h < shape_.height; ++h) {
      uint16_t* row = layout_.Row(scratch_.activated, at.image, at.block, kPad + h);
      uint16_t* pixels = row + kPad * kAmxBlock;
      if (saved_[0].conv) {
        kernels_.unpack(pixels, shape_.width, at.channels, dtype_, Pixels(saved_[0].conv, at, h), shape_.channels);
      }
      norm.normalize(pixels, nullptr, pixels, shape_.width * kAmxBlock, kAmxBlock,
                     {affine.mean, affine.scale, affine.beta}, {Activation::kRelu, 0.0f});
      AmxFillBorder(row, shape_.width, kPad, true);
    }
    FillRows(at);
  }

  void Second(int64_t item, const void* x, void* y) const {
    const Item at(item, layout_.blocks, shape_);
    AmxOutput output{};
    output.dtype = dtype_;
    output.to = Pixels(saved_[1].conv, at, 0);
    output.row_stride = shape_.width * shape_.channels;
    output.pixel_stride = shape_.channels;
    output.channels = at.channels;
    const BlockAffine affine = Convolve(1, scratch_.activated, at, output);
    kernels_.normalize_add({dtype_, output.to, Pixels(x, at, 0), Pixels(y, at, 0), shape_.height * shape_.width,
                            shape_.channels, at.channels, affine.mean, affine.scale, affine.beta});
  }

 private:
  static constexpr int64_t kPad = 1;

  struct Item {
    Item(int64_t item, int64_t blocks, const ResidualBlockShape& shape)
        : image(item / blocks),
          block(item % blocks),
          first(block * kAmxBlock),
          channels(std::min(kAmxBlock, shape.channels - first)) {}

    int64_t image, block;
    int64_t first, channels;
  };

  // This item's channels, from image row h on.
  void* Pixels(void* tensor, const Item& at, int64_t h) const {
    const int64_t pixel = (at.image * shape_.height + h) * shape_.width;
    return static_cast<char*>(tensor) + (pixel * shape_.channels + at.first) * SizeOf(dtype_);
  }
  const void* Pixels(const void* tensor, const Item& at, int64_t h) const {
    return Pixels(const_cast<void*>(tensor), at, h);
  }

  BlockAffine Convolve(int i, const uint16_t* images, const Item& at, const AmxOutput& output) const {
    AmxMoments moments;
    const auto* packed = static_cast<const uint16_t*>(weights_[i].packed);
    AmxConvolution call = AmxConvolutionOf(geometry_, images, at.image, packed, at.block);
    call.output = output;
    call.output.height = shape_.height;
    call.output.width = shape_.width;
    call.output.moments = &moments;
    kernels_.convolve(call);
    const int64_t statistics = at.image * shape_.channels + at.first;
    return BlockAffine(moments, epsilon_, weights_[i], at.first, at.channels, saved_[i].mean + statistics,
                       saved_[i].rstd + statistics);
  }

  // The rows above and below the image, and what follows the block.
  void FillRows(const Item& at) const {
    auto row = [&](int64_t h) { return layout_.Row(scratch_.activated, at.image, at.block, kPad + h); };
    const int64_t height = shape_.height, values = layout_.width * kAmxBlock;
    std::copy_n(row(Reflect(-1, height)), values, row(-1));
    std::copy_n(row(Reflect(height, height)), values, row(height));
    std::fill_n(row(height + 1), layout_.tail_pixels * kAmxBlock, uint16_t{0});
  }

  const AmxKernels& kernels_;
  const ResidualBlockShape& shape_;
  const ConvGeometry geometry_;
  const AmxLayout layout_;
  const float epsilon_;
  const DType dtype_;
  const ConvNormWeights* weights_;
  const ConvNormSaved* saved_;
  const BlockScratch& scratch_;
};

}  // namespace

size_t AmxResidualBlockScratchBytes(const ResidualBlockShape& shape) { return BlockScratch(shape, nullptr).bytes; }

void AmxResidualBlockForward(const AmxKernels& kernels, const ResidualBlockShape& shape, float epsilon, DType dtype,
                             const void* x, const ConvNormWeights* weights, void* y, const ConvNormSaved* saved,
                             void* memory, ThreadPool& pool) {
  const BlockScratch scratch(shape, memory);
  const BlockForward block(kernels, shape, epsilon, dtype, weights, saved, scratch);
  AmxPackImages(kernels, block.geometry(), dtype, x, scratch.x, pool);
  ForItems(pool, block.items(), [&](int, int64_t item) { block.First(item); });
  ForItems(pool, block.items(), [&](int, int64_t item) { block.Second(item, x, y); });
}

}  // namespace monet
