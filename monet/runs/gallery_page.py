"""The frame of a run's gallery page."""

from __future__ import annotations

from string import Template

PAGE = Template("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>$name</title>
<style>
:root {
  --text: #1d2327; --muted: #667078; --page: #fbfaf8; --card: #fff; --rule: #e3e1dc;
  --line-0: #2f6fb0; --line-1: #c9702b;
}
@media (prefers-color-scheme: dark) {
  :root {
    --text: #e6e4e0; --muted: #9aa2a8; --page: #16181a; --card: #1e2124; --rule: #33373b;
    --line-0: #74aee6; --line-1: #e8a063;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 1080px;
  font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page);
}
h1 { font-size: 1.5rem; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 2.5rem 0 .75rem; }
header p, .viewer p { color: var(--muted); margin: .25rem 0 1.5rem; }
img { display: block; max-width: 100%; }
.viewer label { display: flex; gap: 1rem; align-items: center; margin-bottom: .5rem; }
.viewer input { flex: 1; accent-color: var(--line-0); }
.viewer output { font-variant-numeric: tabular-nums; white-space: nowrap; }
#sheet { width: 100%; height: auto; border-radius: 4px; }
table { border-collapse: collapse; }
th { text-align: left; font-weight: 500; }
.strips { width: 100%; }
.strips th { width: 7rem; color: var(--muted); padding-right: 1rem; }
.strips td { padding: 2px 0; }
.strip { width: 100%; aspect-ratio: var(--sheet); object-fit: cover; border-radius: 3px; }
.inputs { object-position: 0 0; }
.outputs { object-position: 0 50%; }
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
.scroll { overflow-x: auto; }
.numbers { font-variant-numeric: tabular-nums; margin-top: .5rem; }
.numbers th, .numbers td {
  padding: .2rem .75rem .2rem 0; text-align: right; white-space: nowrap;
}
.settings th, .settings td {
  padding: .25rem 1rem .25rem 0; vertical-align: top; border-bottom: 1px solid var(--rule);
}
.settings th { color: var(--muted); white-space: nowrap; }
.settings td { overflow-wrap: anywhere; }
</style>
</head>
<body>
<header><h1>$name</h1><p>$summary</p></header>
<section>$samples</section>
<section><h2>Losses</h2><div class="charts">$charts</div>$history</section>
<section><h2>Settings</h2>$settings</section>
<script>
const slider = document.getElementById("slider");
if (slider) {
  const samples = JSON.parse(slider.dataset.samples);
  const sheet = document.getElementById("sheet"), label = document.getElementById("epoch");
  slider.addEventListener("input", () => {
    const [epoch, path] = samples[slider.value];
    sheet.src = path;
    label.value = epoch ? "epoch " + epoch : "before training";
  });
}
</script>
</body>
</html>
""")
