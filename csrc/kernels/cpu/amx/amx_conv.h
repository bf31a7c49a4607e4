// Convolution in bfloat16 on AMX tiles, by the loops of amx_kernels.h: tensors are packed into blocks first, see there.
#pragma once

#include "amx_kernels.h"
#include "../conv/conv_plan.h"

namespace monet {

// How a batch of padded images is packed: [image][block of channels][padded height][padded width][32], each block
// followed by what the last step of AmxConvolution may read beyond it.
struct AmxLayout {
  explicit AmxLayout(const ConvGeometry& geometry)
      : height(geometry.in_height + 2 * geometry.pad_left),
        width(geometry.in_width + 2 * geometry.pad_left),
        tail_pixels(kAmxBlock + geometry.kernel_width),
        blocks(CeilDiv(geometry.in_channels, kAmxBlock)),
        block_stride((height * width + tail_pixels) * kAmxBlock),
        image_stride(blocks * block_stride) {}

  uint16_t* Row(uint16_t* packed, int64_t image, int64_t block, int64_t row) const {
    return packed + image * image_stride + block * block_stride + row * width * kAmxBlock;
  }

  int64_t height, width;  // padded
  int64_t tail_pixels;
  int64_t blocks, block_stride, image_stride;
};

// Fills in the border of one row of packed pixels, by reflection or with zeros.
void AmxFillBorder(uint16_t* row, int64_t width, int64_t pad, bool reflect);

// What AmxConvolution says about image `n` for one block of output channels, whose `output` is left to the caller.
AmxConvolution AmxConvolutionOf(const ConvGeometry& geometry, const uint16_t* packed_images, int64_t n,
                                const uint16_t* packed_kernel, int64_t out_block);

// x, stored as `dtype`, to packed images.
void AmxPackImages(const AmxKernels& kernels, const ConvGeometry& geometry, DType dtype, const void* x,
                   uint16_t* packed_images, ThreadPool& pool);

// The packed kernel: [block of out_channels][block of in_channels][tap][2][16][16][2], see amx_kernels.h.
size_t AmxPackedBytes(const ConvGeometry& geometry);
void AmxPack(const AmxKernels& kernels, const ConvGeometry& geometry, const float* kernel, uint16_t* packed,
             ThreadPool& pool);

// x and y are stored as `dtype`.
size_t AmxForwardScratchBytes(const ConvGeometry& geometry);
void AmxForward(const AmxKernels& kernels, const ConvGeometry& geometry, DType dtype, const void* x,
                const uint16_t* packed, const float* bias, void* y, void* scratch, ThreadPool& pool);

// As WinogradBackwardKernel.
size_t AmxBackwardKernelScratchBytes(const ConvGeometry& geometry, int threads);
void AmxBackwardKernel(const AmxKernels& kernels, const ConvGeometry& geometry, const float* x, const float* normalize,
                       const float* dy, float* dkernel, void* scratch, ThreadPool& pool);

}  // namespace monet
