// The residual block of a ResNet generator, on the CPU, in float32 unless the convolutions' options say otherwise:
//
//   y = x + IN(conv2(relu(IN(conv1(x)))))         conv: 3x3 with a reflected border, reflect_conv2d.h
//                                                 IN: instance normalisation with gamma and beta, norm.h
//
// Tensors are [batch, height, width, channels] with height, width >= 2. Results are the same bits for any number of
// threads.
#pragma once

#include "reflect_conv2d.h"

namespace monet {

struct ResidualBlockShape {
  int64_t batch, height, width, channels;

  ReflectConv2DShape conv() const { return {batch, height, width, channels, channels, 3}; }
};

struct ResidualBlockOptions {
  float epsilon = 1e-5f;
  ReflectConv2DOptions conv;
};

// One convolution and the normalisation after it. `packed` is made by ReflectConv2DPack(shape.conv(), options.conv,
// ...), for kForward in the forward and for kBackwardInput in the backward pass.
struct ConvNormWeights {
  const void* packed;
  const float* gamma;  // [channels]
  const float* beta;   // [channels]
};

// What the forward pass leaves for the backward pass, per convolution.
struct ConvNormSaved {
  void* conv;   // its output, like x
  float* mean;  // [batch, channels], and
  float* rstd;  // 1 / sqrt(variance + epsilon), of `conv`
};

struct ConvNormGradients {
  float* kernel;  // [3, 3, channels, channels]
  float* gamma;   // [channels]
  float* beta;    // [channels]
};

size_t ResidualBlockForwardScratchBytes(const ResidualBlockShape& shape, const ResidualBlockOptions& options, bool save,
                                        int threads);
size_t ResidualBlockBackwardScratchBytes(const ResidualBlockShape& shape, const ResidualBlockOptions& options,
                                         int threads);

//   dtype     how x, y and saved[i].conv are stored: as float32 or ReflectConv2DStorage
//   weights   [2]
//   saved     [2], or null for inference
//   y         like x; must not overlap it
void ResidualBlockForward(const ResidualBlockShape& shape, const ResidualBlockOptions& options, DType dtype,
                          const void* x, const ConvNormWeights* weights, void* y, const ConvNormSaved* saved,
                          void* scratch, ThreadPool& pool);

//   weights, saved, gradients   [2]; saved[i].conv is float32
//   dx                          like dy; must not overlap it or x
void ResidualBlockBackward(const ResidualBlockShape& shape, const ResidualBlockOptions& options, const float* dy,
                           const float* x, const ConvNormWeights* weights, const ConvNormSaved* saved, float* dx,
                           const ConvNormGradients* gradients, void* scratch, ThreadPool& pool);

}  // namespace monet
