"""The report on an installation as text."""

from __future__ import annotations

import os

from monet._text import count


def render(report: dict) -> str:
    """The report as text."""
    lines = [f"monet {report['versions']['monet']}", "", "Versions"]
    versions = dict(report["versions"])
    del versions["monet"]
    lines += [_row(name, version) for name, version in versions.items()]

    compiler = report["build"].get("compiler") or "no compiler"
    lines += ["", f"Native parts ({compiler})"]
    parts = report["build"].get("parts", {})
    if not parts:
        lines.append(f"  none: {report['build_error'] or 'the build record lists none'}")
    lines += [_row(part.get("title", name), _part(part)) for name, part in parts.items()]

    lines += ["", f"Ops (MONET_OPS={report['ops']['mode'] or os.environ.get('MONET_OPS')})"]
    for device, choice in report["ops"]["devices"].items():
        kind = "native" if choice["native"] else "plain TensorFlow"
        is_xla = device.startswith("XLA_")
        where = f"{device[4:]}, jit_compile" if is_xla else f"on the {device}"
        lines.append(_row(where, f"{kind}: {choice['reason']}"))

    cpu, gpu = report["cpu"], report["gpu"]
    features = ", ".join(name for name, present in cpu["features"].items() if present)
    lines += ["", "Machine", _row("CPU", f"{cpu['model']}, {count(cpu['cores'], 'core')}")]
    in_use = cpu["instruction_set"] or "none: the kernels are not there"
    lines.append(_row("instruction set", in_use + (f" (CPU has {features})" if features else "")))
    names = [f"{device['name']} (sm_{device['capability']})" for device in gpu["visible"]]
    lines.append(_row("GPUs", ", ".join(names) or "none that TensorFlow sees"))
    lines.append(_row("CUDA of TensorFlow", gpu["cuda"] or "none"))

    if report["variables"]:
        lines += ["", "Variables that are set"]
        lines += [_row(name, text) for name, text in report["variables"].items()]

    lines += ["", "To do"] + [f"  {remedy}" for remedy in report["remedies"] or ["nothing"]]
    return "\n".join(lines)


def _part(part: dict) -> str:
    if part.get("built"):
        return f"yes: {part.get('detail')}"
    return f"no: {part.get('reason')}; {part.get('remedy')}"


def _row(name: str, value: str) -> str:
    return f"  {name:<22}{value}"
