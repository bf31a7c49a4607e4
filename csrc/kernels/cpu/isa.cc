#include "isa.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(__x86_64__) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace monet {
namespace {

#if defined(__x86_64__)
// Which registers the operating system saves when it switches threads. (The intrinsic would need a compiler flag.)
uint64_t EnabledState() {
  uint32_t low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (static_cast<uint64_t>(high) << 32) | low;
}

bool Bit(uint32_t word, int bit) { return (word >> bit) & 1u; }
#endif

// Linux (5.16 and newer) lets a process use tiles once it has asked for it, since they add 8 KiB to what is saved when
// threads are switched. It holds for all threads of the process.
bool TilesUsable() {
#if defined(MONET_AMX_EMULATED)  // see kernels_amx.cc
  return IsBuilt(Isa::kAmx);
#elif defined(__x86_64__) && defined(__linux__)
  constexpr int kArchReqXcompPerm = 0x1023, kTileData = 18;
  if (!DetectCpuFeatures().amx_tile_bf16 || !IsBuilt(Isa::kAmx)) return false;
  return syscall(SYS_arch_prctl, kArchReqXcompPerm, kTileData) == 0;
#else
  return false;
#endif
}

// An unknown value of MONET_ISA caps nothing.
Isa Cap() {
  const char* name = std::getenv("MONET_ISA");
  if (name && std::strcmp(name, "portable") == 0) return Isa::kPortable;
  if (name && std::strcmp(name, "avx2") == 0) return Isa::kAvx2;
  if (name && std::strcmp(name, "avx512") == 0) return Isa::kAvx512;
  return Isa::kAmx;
}

Isa Choose() {
  const Isa cap = Cap();
  const CpuFeatures cpu = DetectCpuFeatures();
  auto usable = [&](Isa isa, bool supported) { return isa <= cap && supported && IsBuilt(isa); };
  if (usable(Isa::kAvx512, cpu.avx512_f_bw_dq_vl)) {
    return cap >= Isa::kAmx && TilesUsable() ? Isa::kAmx : Isa::kAvx512;
  }
  if (usable(Isa::kAvx2, cpu.avx2_fma_f16c)) return Isa::kAvx2;
  return Isa::kPortable;
}

}  // namespace

bool IsBuilt(Isa isa) {
#if defined(__x86_64__)
  return isa != Isa::kAmx || AmxIsBuilt();
#else
  return isa == Isa::kPortable;
#endif
}

CpuFeatures DetectCpuFeatures() {
  CpuFeatures features;
#if defined(__x86_64__)
  uint32_t eax, ebx, ecx, edx;
  if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !Bit(ecx, 27)) return features;  // 27: xgetbv is enabled
  const bool fma = Bit(ecx, 12), avx = Bit(ecx, 28), f16c = Bit(ecx, 29);
  const uint64_t state = EnabledState();
  const bool ymm = (state & 0x6) == 0x6, zmm = (state & 0xe6) == 0xe6, tiles = (state & 0x60000) == 0x60000;
  if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) return features;
  features.avx2_fma_f16c = ymm && avx && Bit(ebx, 5) && fma && f16c;
  features.avx512_f_bw_dq_vl =
      features.avx2_fma_f16c && zmm && Bit(ebx, 16) && Bit(ebx, 17) && Bit(ebx, 30) && Bit(ebx, 31);
  features.amx_tile_bf16 = tiles && Bit(edx, 22) && Bit(edx, 24);
  if (__get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx)) {
    features.avx512_bf16 = features.avx512_f_bw_dq_vl && Bit(eax, 5);
  }
#endif
  return features;
}

Isa SelectedIsa() {
  static const Isa isa = Choose();
  return isa;
}

const char* InstructionSet() {
  switch (SelectedIsa()) {
    case Isa::kAmx:
      return "amx";
    case Isa::kAvx512:
      return "avx512";
    case Isa::kAvx2:
      return "avx2";
    case Isa::kPortable:
      break;
  }
  return "portable";
}

}  // namespace monet
