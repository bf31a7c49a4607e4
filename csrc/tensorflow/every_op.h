// The table of the ops: a class each, in the sense of op_context.h.
#pragma once

#include "tensorflow/norm_op.h"
#include "tensorflow/reflect_conv_op.h"
#include "tensorflow/reflection_pad_op.h"
#include "tensorflow/residual_block_op.h"
#include "tensorflow/strided_conv_op.h"

// On a GPU, convolutions are cuDNN's: monet.ops composes what contains one.
#define MONET_FOR_EVERY_OP_WITH_CUDA(DO) \
  DO(NormForwardOp)                      \
  DO(NormBackwardOp)                     \
  DO(ReflectionPadForwardOp)             \
  DO(ReflectionPadBackwardOp)

#define MONET_FOR_EVERY_OP(DO)     \
  MONET_FOR_EVERY_OP_WITH_CUDA(DO) \
  DO(ReflectConvForwardOp)         \
  DO(ReflectConvBackwardOp)        \
  DO(ResidualBlockForwardOp)       \
  DO(ResidualBlockBackwardOp)      \
  DO(StridedConvForwardOp)         \
  DO(StridedConvBackwardInputOp)   \
  DO(StridedConvBackwardKernelOp)
