// The table of the ops: a class each, in the sense of op_context.h.
#pragma once

#include "tensorflow/bilinear_upsampling_op.h"
#include "tensorflow/brush_strokes_op.h"
#include "tensorflow/conv2d_op.h"
#include "tensorflow/norm_op.h"
#include "tensorflow/reflect_conv2d_op.h"
#include "tensorflow/reflection_pad_op.h"
#include "tensorflow/residual_block_op.h"

// On a GPU, convolutions are cuDNN's: monet.ops composes what contains one.
#define MONET_FOR_EVERY_OP_WITH_CUDA(DO) \
  DO(NormForwardOp)                      \
  DO(NormApplyOp)                        \
  DO(NormBackwardOp)                     \
  DO(ReflectionPadForwardOp)             \
  DO(ReflectionPadBackwardOp)

#define MONET_FOR_EVERY_OP(DO)     \
  MONET_FOR_EVERY_OP_WITH_CUDA(DO) \
  DO(BilinearUpsamplingForwardOp)  \
  DO(BilinearUpsamplingBackwardOp) \
  DO(BrushStrokesOp)               \
  DO(Conv2DForwardOp)              \
  DO(Conv2DBackwardInputOp)        \
  DO(Conv2DBackwardKernelOp)       \
  DO(ReflectConv2DForwardOp)       \
  DO(ReflectConv2DBackwardOp)      \
  DO(ResidualBlockForwardOp)       \
  DO(ResidualBlockBackwardOp)
