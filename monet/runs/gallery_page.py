"""What the gallery page of a run has beside the frame of all pages: its style and its script."""

from __future__ import annotations

STYLE = """\
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
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(320px, 1fr)); gap: 1rem; }
figure {
  margin: 0; padding: .75rem; background: var(--card);
  border: 1px solid var(--rule); border-radius: 6px;
}
figcaption {
  font-weight: 500; display: flex; flex-wrap: wrap; gap: 0 1rem; margin-bottom: .25rem;
}
.key { font-weight: 400; color: var(--muted); }
.key::before {
  content: ""; display: inline-block; width: .9em; height: 3px; margin-right: .4em;
  vertical-align: middle; background: var(--line);
}
.line-0 { --line: var(--line-0); }
.line-1 { --line: var(--line-1); }
svg { width: 100%; height: auto; display: block; }
svg text { font-size: 11px; fill: var(--muted); }
svg .y, svg .unit { text-anchor: end; }
svg .x { text-anchor: middle; }
.grid { stroke: var(--rule); }
.line { fill: none; stroke: var(--line); stroke-width: 1.75; stroke-linejoin: round; }
.dot { fill: var(--line); }
.dot.hidden { opacity: 0; }
.dot.hidden:hover { opacity: 1; }
details { margin-top: 1rem; }
summary { cursor: pointer; color: var(--muted); }
"""

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
