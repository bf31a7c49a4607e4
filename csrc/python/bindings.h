// The parts of monet._kernels, each in a file of its own.
#pragma once

#include <pybind11/pybind11.h>

namespace monet {

void DefineNorm(pybind11::module_& m);
void DefineReflectionPad(pybind11::module_& m);
void DefineReflectConv2D(pybind11::module_& m);
void DefineConv2D(pybind11::module_& m);
void DefineResidualBlock(pybind11::module_& m);
void DefineBrushStrokes(pybind11::module_& m);
void DefineBilinearUpsampling(pybind11::module_& m);
void DefineUpdate(pybind11::module_& m);
void DefinePeak(pybind11::module_& m);

}  // namespace monet
