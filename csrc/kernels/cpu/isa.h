// The instruction set the CPU kernels run with: the best that was built, that this CPU and its operating system
// support, and that the environment variable MONET_ISA=portable|avx2|avx512|amx allows. Chosen once per process.
#pragma once

namespace monet {

enum class Isa { kPortable, kAvx2, kAvx512, kAmx };  // each includes the ones before it

Isa SelectedIsa();

// Whether this build has code for an instruction set.
bool IsBuilt(Isa isa);
// Defined by isa_amx.cc, for x86-64 only: old compilers don't know the instructions.
bool AmxIsBuilt();

// "portable", "avx2", "avx512", or "amx": AVX-512, and tiles for the convolutions of bfloat16 tensors.
const char* InstructionSet();

// What this CPU and its operating system support, whatever was built or asked for.
struct CpuFeatures {
  bool avx2_fma_f16c = false;
  bool avx512_f_bw_dq_vl = false;
  bool avx512_bf16 = false;
  bool amx_tile_bf16 = false;  // a process needs Linux's permission, too, to use them
};
CpuFeatures DetectCpuFeatures();

}  // namespace monet
