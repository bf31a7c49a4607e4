// The inner loops of everything, compiled once per instruction set: kernels_portable.cc, kernels_avx2.cc and
// kernels_avx512.cc. (Those on AMX tiles are a table of their own: amx/amx_kernels.h.) Declarations only, as in
// norm_kernels.h.
#pragma once

#include "brush_strokes/brush_strokes_kernels.h"
#include "conv/conv_kernels.h"
#include "norm/norm_kernels.h"
#include "peak_probe/peak_probe.h"
#include "update/update_kernels.h"
#include "upsampling/upsampling_kernels.h"

namespace monet {

struct CpuKernels {
  const BrushStrokesKernels* brush_strokes;
  const ConvKernels* conv;
  const NormKernels* (*norm)(DType dtype);
  const UpdateKernels* update;
  const UpsamplingKernels* (*upsampling)(DType dtype);
  const PeakProbe* peak_probe;
};

// Of this process's instruction set.
const CpuKernels& SelectedKernels();

const ConvKernels& SelectedConvKernels();
const NormKernels& SelectedNormKernels(DType dtype);

// Each defined by the file of its name; the last two are compiled for x86-64 only.
extern const CpuKernels kPortableKernels, kAvx2Kernels, kAvx512Kernels;

}  // namespace monet
