// The inner loops of convolution in bfloat16 on AMX tiles, as a table of functions. There are two: of the real
// instructions (kernels_amx.cc), and of an exact emulation of them for tests (csrc/python/amx_emulated.cc).
//
// Values are multiplied as bfloat16 and added up in float32, as the instruction does it: denormals count as zero.
// Everything comes in blocks of 32 channels, and of 32 pixels; blocks are filled up with zeros.
//
// As in norm_kernels.h, this header holds declarations only, and the implementation lives in anonymous namespaces.
#pragma once

#include <cstdint>

#include "../../types.h"

namespace monet {

constexpr int64_t kAmxBlock = 32;                           // channels or pixels
constexpr int64_t kAmxBlockValues = kAmxBlock * kAmxBlock;  // of a square block, such as the weights of one tap

// Mean, and m2 = sum (value - mean)^2, of each channel of a block over `pixels` pixels.
struct AmxMoments {
  int64_t pixels = 0;
  double mean[kAmxBlock] = {};
  double m2[kAmxBlock] = {};
};

// Where the results for an image's pixels go, one block of channels of them.
struct AmxOutput {
  int64_t height, width;
  DType dtype;                       // float32 or bfloat16
  void* to;                          // of pixel (0, 0)
  int64_t row_stride, pixel_stride;  // in values
  int64_t channels;                  // that are written, kAmxBlock or fewer
  const float* bias;                 // [channels], or null
  AmxMoments* moments;               // to which those of the results, before rounding, are added; or null
};

// A stride 1 convolution of one padded image, for one block of output channels. The image is stored by blocks of
// channels, each [padded height][padded width][32] and followed by some pixels that may be read (AmxLayout in
// amx_conv.h).
//
// Pixels are numbered as if output rows were as wide as the padded image. Pixel number p then reads for tap (i, j) the
// pixel p + i * padded_width + j, and any 32 consecutive pixels read 32 consecutive ones, even across the ends of rows:
// a few results beyond the ends of rows are computed in vain.
struct AmxConvolution {
  const uint16_t* image;
  int64_t blocks, block_stride;  // of input channels
  int64_t padded_width;
  int64_t size;             // of the kernel
  const uint16_t* weights;  // [block of in_channels][tap][2][16 pairs of in_channels][16 out_channels][2]
  int64_t begin, end;       // pixels; begin is a multiple of 32
  AmxOutput output;
};

// sums[c][o] (+)= sum over k of x[c][k] * dy[k][o]: for one tap, a block of input and a block of output channels.
struct AmxKernelGradient {
  int64_t images, x_stride, dy_stride;  // between images
  int64_t blocks;                       // of 32 pixels, per image
  const uint16_t* x;                    // [block of pixels][32 channels][32 pixels]
  const uint16_t* dy;                   // [block of pixels][2][16 pairs of pixels][16 channels][2]
  bool add;                             // to sums, instead of overwriting them
  float* sums;                          // [32][32]
};

// y = x + (conv - mean) * scale + beta for one block of channels of consecutive pixels, which are `stride` values
// apart. y may be conv.
struct AmxNormalizeAdd {
  DType dtype;
  const void* conv;
  const void* x;
  void* y;
  int64_t pixels, stride, channels;
  const float* mean;
  const float* scale;
  const float* beta;
};

struct AmxKernels {
  // to[pixel][channel] = from[pixel * stride + channel] as bfloat16, `channels` being 32 or fewer: the rest is zero.
  void (*pack)(DType dtype, const void* from, int64_t stride, int64_t pixels, int64_t channels, uint16_t* to);
  // The reverse, of the channels that exist.
  void (*unpack)(const uint16_t* from, int64_t pixels, int64_t channels, DType dtype, void* to, int64_t stride);
  // [32 rows][32 columns] to [32 columns][32 rows].
  void (*transpose)(const uint16_t* from, uint16_t* to);
  // [32 rows][32 columns] to [2 halves of the columns][16 pairs of rows][16 columns][2], the right operand's order.
  void (*interleave)(const uint16_t* from, uint16_t* to);

  void (*convolve)(const AmxConvolution& convolution);
  void (*kernel_gradient)(const AmxKernelGradient& gradient);
  void (*normalize_add)(const AmxNormalizeAdd& call);
};

// Defined by kernels_amx.cc, for x86-64 only. Null where the compiler doesn't know the instructions.
const AmxKernels* AmxKernelTable();

// Null unless this process's instruction set is AMX.
const AmxKernels* SelectedAmxKernels();

}  // namespace monet
