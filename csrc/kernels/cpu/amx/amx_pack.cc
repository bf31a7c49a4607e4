#include <cstring>

#include "amx_conv.h"

namespace monet {

void AmxFillBorder(uint16_t* row, int64_t width, int64_t pad, bool reflect) {
  auto fill = [&](int64_t i) {
    uint16_t* to = row + (pad + i) * kAmxBlock;
    if (reflect) {
      std::memcpy(to, row + (pad + Reflect(i, width)) * kAmxBlock, kAmxBlock * sizeof(uint16_t));
    } else {
      std::memset(to, 0, kAmxBlock * sizeof(uint16_t));
    }
  };
  for (int64_t i = 1; i <= pad; ++i) {
    fill(-i);
    fill(width - 1 + i);
  }
}

void AmxPackImages(const AmxKernels& kernels, const ConvGeometry& geometry, DType dtype, const void* x,
                   uint16_t* packed_images, ThreadPool& pool) {
  const AmxLayout layout(geometry);
  const int64_t C = geometry.in_channels, width = geometry.in_width, pad = geometry.pad_left;
  ForItems(pool, geometry.batch * layout.height, [&](int, int64_t item) {
    const int64_t n = item / layout.height, row = item % layout.height, h = row - pad;
    const bool exists = geometry.reflect || (0 <= h && h < geometry.in_height);
    for (int64_t block = 0; block < layout.blocks; ++block) {
      uint16_t* to = layout.Row(packed_images, n, block, row);
      const int64_t c = block * kAmxBlock;
      if (exists) {
        const int64_t first = (n * geometry.in_height + Reflect(h, geometry.in_height)) * width * C + c;
        kernels.pack(dtype, static_cast<const char*>(x) + first * SizeOf(dtype), C, width, std::min(kAmxBlock, C - c),
                     to + pad * kAmxBlock);
        AmxFillBorder(to, width, pad, geometry.reflect);
      } else {
        std::fill_n(to, layout.width * kAmxBlock, uint16_t{0});
      }
      if (row == layout.height - 1) {
        std::fill_n(to + layout.width * kAmxBlock, layout.tail_pixels * kAmxBlock, uint16_t{0});
      }
    }
  });
}

size_t AmxPackedBytes(const ConvGeometry& geometry) {
  const int64_t blocks = CeilDiv(geometry.in_channels, kAmxBlock) * CeilDiv(geometry.out_channels, kAmxBlock);
  return static_cast<size_t>(blocks * geometry.taps() * kAmxBlockValues) * sizeof(uint16_t);
}

void AmxPack(const AmxKernels& kernels, const ConvGeometry& geometry, const float* kernel, uint16_t* packed,
             ThreadPool& pool) {
  const bool transposed = geometry.order.transposed;
  const int64_t C = geometry.in_channels, O = geometry.out_channels, taps = geometry.taps();
  const int64_t in_blocks = CeilDiv(C, kAmxBlock);
  ForItems(pool, CeilDiv(O, kAmxBlock) * in_blocks, [&](int, int64_t item) {
    const int64_t o = item / in_blocks * kAmxBlock, c = item % in_blocks * kAmxBlock;
    const int64_t outputs = std::min(kAmxBlock, O - o), inputs = std::min(kAmxBlock, C - c);
    alignas(64) uint16_t block[kAmxBlockValues], turned[kAmxBlockValues];
    for (int64_t tap = 0; tap < taps; ++tap) {
      // The block's rows as they are stored: input channels, or, transposed, output channels.
      const int64_t rows = transposed ? outputs : inputs;
      if (transposed) {
        kernels.pack(DType::kFloat32, kernel + ((taps - 1 - tap) * O + o) * C + c, C, rows, inputs, block);
      } else {
        kernels.pack(DType::kFloat32, kernel + (tap * C + c) * O + o, O, rows, outputs, block);
      }
      std::fill_n(block + rows * kAmxBlock, (kAmxBlock - rows) * kAmxBlock, uint16_t{0});
      if (transposed) kernels.transpose(block, turned);
      kernels.interleave(transposed ? turned : block, packed + (item * taps + tap) * kAmxBlockValues);
    }
  });
}

}  // namespace monet
