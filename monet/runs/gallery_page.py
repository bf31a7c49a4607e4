"""What the gallery page of a run has beside the frame of all pages: its style and its script."""

from __future__ import annotations

from monet.runs import line_chart

STYLE = (
    line_chart.STYLE
    + """\
.viewer p { color: var(--muted); margin: .25rem 0 1.5rem; }
.viewer label { display: flex; gap: 1rem; align-items: center; margin-bottom: .5rem; }
.viewer input { flex: 1; accent-color: var(--line-0); }
.viewer output { font-variant-numeric: tabular-nums; white-space: nowrap; }
#sheet { width: 100%; height: auto; border-radius: 4px; }
.strips { width: 100%; }
.strips th, .strips td { padding: 2px 0; border: none; }
.strips th { width: 7rem; padding-right: 1rem; }
.strip { width: 100%; aspect-ratio: var(--sheet); object-fit: cover; border-radius: 3px; }
.first-row { object-position: 0 0; }
.second-row { object-position: 0 var(--second-row); }
details { margin-top: 1rem; }
summary { cursor: pointer; color: var(--muted); }
"""
)

SCRIPT = """\
<script>
const slider = document.getElementById("slider");
if (slider) {
  const samples = JSON.parse(slider.dataset.samples);
  const sheet = document.getElementById("sheet"), label = document.getElementById("epoch");
  slider.addEventListener("input", () => {
    const [name, path] = samples[slider.value];
    sheet.src = path;
    label.value = name;
  });
}
</script>"""
