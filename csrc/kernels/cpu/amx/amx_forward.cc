#include "amx_conv.h"
#include "../scratch.h"

namespace monet {
namespace {

// Pixels that a worker computes at a time, for one block of output channels: what they read, 0.3 MB with 256 channels,
// is still in the second level cache for the next block.
constexpr int64_t kPixelsPerItem = 16 * kAmxBlock;

struct ForwardScratch {
  ForwardScratch(const ConvGeometry& geometry, void* memory) {
    Scratch scratch(memory);
    images = scratch.Take<uint16_t>(geometry.batch * AmxLayout(geometry).image_stride);
    bytes = scratch.bytes();
  }

  uint16_t* images;
  size_t bytes;
};

}  // namespace

AmxConvolution AmxConvolutionOf(const ConvGeometry& geometry, const uint16_t* packed_images, int64_t n,
                                const uint16_t* packed_kernel, int64_t out_block) {
  const AmxLayout layout(geometry);
  AmxConvolution call{};
  call.image = packed_images + n * layout.image_stride;
  call.blocks = layout.blocks;
  call.block_stride = layout.block_stride;
  call.padded_width = layout.width;
  call.size = geometry.kernel_width;
  call.weights = packed_kernel + out_block * layout.blocks * geometry.taps() * kAmxBlockValues;
  call.begin = 0;
  call.end = (geometry.out_height - 1) * layout.width + geometry.out_width;
  call.output.height = geometry.out_height;
  call.output.width = geometry.out_width;
  return call;
}

size_t AmxForwardScratchBytes(const ConvGeometry& geometry) { return ForwardScratch(geometry, nullptr).bytes; }

void AmxForward(const AmxKernels& kernels, const ConvGeometry& geometry, DType dtype, const void* x,
                const uint16_t* packed, const float* bias, void* y, void* memory, ThreadPool& pool) {
  const ForwardScratch scratch(geometry, memory);
  AmxPackImages(kernels, geometry, dtype, x, scratch.images, pool);

  const int64_t O = geometry.out_channels, out_blocks = CeilDiv(O, kAmxBlock);
  const int64_t parts = CeilDiv(AmxConvolutionOf(geometry, nullptr, 0, nullptr, 0).end, kPixelsPerItem);
  ForItems(pool, geometry.batch * parts * out_blocks, [&](int, int64_t item) {
    const int64_t block = item % out_blocks, part = item / out_blocks % parts, n = item / out_blocks / parts;
    const int64_t o = block * kAmxBlock, first = n * geometry.out_height * geometry.out_width * O + o;
    AmxConvolution call = AmxConvolutionOf(geometry, scratch.images, n, packed, block);
    call.begin = part * kPixelsPerItem;
    call.end = std::min(call.end, call.begin + kPixelsPerItem);
    call.output.dtype = dtype;
    call.output.to = static_cast<char*>(y) + first * SizeOf(dtype);
    call.output.row_stride = geometry.out_width * O;
    call.output.pixel_stride = O;
    call.output.channels = std::min(kAmxBlock, O - o);
    call.output.bias = bias ? bias + o : nullptr;
    kernels.convolve(call);
  });
}

}  // namespace monet
