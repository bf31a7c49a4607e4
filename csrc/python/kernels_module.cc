// monet._kernels: the bare kernels on NumPy arrays, and what this build and this CPU can do. For tests and tools.
#include <pybind11/pybind11.h>

#include "../kernels/cpu/isa.h"
#include "bindings.h"

namespace py = pybind11;

namespace monet {
namespace {

py::dict CpuFeaturesDict() {
  const CpuFeatures features = DetectCpuFeatures();
  py::dict dict;
  dict["avx2_fma_f16c"] = features.avx2_fma_f16c;
  dict["avx512_f_bw_dq_vl"] = features.avx512_f_bw_dq_vl;
  dict["avx512_bf16"] = features.avx512_bf16;
  dict["amx_bf16"] = features.amx_tile_bf16;
  return dict;
}

py::dict BuiltWith() {
  py::list instruction_sets;
  instruction_sets.append("portable");
  if (IsBuilt(Isa::kAvx2)) instruction_sets.append("avx2");
  if (IsBuilt(Isa::kAvx512)) instruction_sets.append("avx512");
  if (IsBuilt(Isa::kAmx)) instruction_sets.append("amx");
  py::dict dict;
#if defined(__clang__)
  dict["compiler"] = "clang " __clang_version__;
#elif defined(__GNUC__)
  dict["compiler"] = "gcc " __VERSION__;
#else
  dict["compiler"] = "unknown";
#endif
  dict["instruction_sets"] = instruction_sets;
  return dict;
}

}  // namespace
}  // namespace monet

PYBIND11_MODULE(_kernels, m) {
  using namespace monet;  // NOLINT
  m.doc() = "The bare CPU kernels of monet on NumPy arrays, for tests and tools. Models use monet.ops.";

  m.def("instruction_set", &InstructionSet,
        "What the kernels run with: 'amx', 'avx512', 'avx2' or 'portable'. MONET_ISA caps it at import.");
  m.def("cpu_features", &CpuFeaturesDict, "What this CPU and its operating system support, by name.");
  m.def("built_with", &BuiltWith, "The compiler, and the instruction sets that were built.");

  DefineNorm(m);
  DefineReflectionPad(m);
  DefineReflectConv2D(m);
  DefineConv2D(m);
  DefineResidualBlock(m);
  DefineBrushStrokes(m);
  DefineBilinearUpsampling(m);
  DefineUpdate(m);
  DefinePeak(m);
}
