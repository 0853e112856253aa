"""Style sheet of pages: light and dark mode, narrow screens, paper."""

CHARTS = """\
svg text { fill: var(--text); }
.chart text { font-size: 13px; fill: var(--muted); font-variant-numeric: tabular-nums; }
.chart .name { fill: var(--text); }
.chart .end { text-anchor: end; } .chart .mid { text-anchor: middle; }
.grid { stroke: var(--rule); } .base, .tick { stroke: var(--muted); }
.chart path, .legend path { fill: none; }
.chart .beyond, .legend .beyond { fill: var(--grey); stroke: none; fill-opacity: 0.6; }
.dot circle { fill: var(--grey); fill-opacity: 0.6; }
.ring circle { stroke: var(--blue); stroke-width: 1.2; }
.infeasible circle { stroke: var(--grey); stroke-width: 1.2; stroke-opacity: 0.8; }
.failed path { stroke: var(--red); stroke-width: 2; }
path.best { stroke: var(--blue); stroke-width: 2.6; }
path.random { stroke: var(--red); stroke-width: 2; stroke-dasharray: 7 4; }
path.limit { stroke: var(--muted); stroke-width: 1.2; stroke-dasharray: 2 4; }
path.front { stroke: var(--blue); stroke-width: 2; }
.front circle { fill: var(--blue); }
.best path { fill: var(--blue); }
"""
"""Rules for the marks of charts, which files of their own have, too."""

PAGE = """
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --text: #1a1f26; --muted: #59636f; --rule: #dfe3e8;
  --blue: #0072b2; --red: #d55e00; --grey: #8b929c; --soft: #eef3f8;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #101317; --card: #191d23; --text: #e7eaee; --muted: #a2abb6; --rule: #323842;
    --blue: #56b4e9; --red: #f0883e; --grey: #848c97; --soft: #20262e;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--text);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
}
main { max-width: 1120px; margin: 0 auto; padding: 28px 20px 48px; }
h1 { font-size: 1.55rem; line-height: 1.25; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 0 0 10px; overflow-wrap: anywhere; }
p { margin: 0 0 10px; }
.muted, figcaption { color: var(--muted); }
section, figure {
  background: var(--card); border: 1px solid var(--rule); border-radius: 10px;
  padding: 18px 20px; margin: 18px 0 0; min-width: 0;
}
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr));
  gap: 18px; margin-top: 18px; align-items: start; }
.pair > * { margin: 0; height: 100%; }
.pair > :last-child:nth-child(odd), .pair > .wide, .pair > .wide ~ * { grid-column: 1 / -1; }
details { margin: 10px 0 0; }
summary { cursor: pointer; overflow-wrap: anywhere; }
summary + * { margin-top: 12px; }
code { font: 0.88em/1.5 ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
.arch { display: block; background: var(--soft); border-radius: 6px; padding: 8px 10px;
  overflow-wrap: anywhere; margin: 0 0 14px; }
.values { display: flex; flex-wrap: wrap; gap: 6px 40px; margin-bottom: 12px; }
.value { font-size: 2.6rem; font-weight: 650; line-height: 1.1; letter-spacing: -0.02em; }
.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(140px, 1fr));
  gap: 12px 18px; margin: 16px 0 0; }
.facts dt { color: var(--muted); font-size: 0.85rem; overflow-wrap: anywhere; }
.facts dd { margin: 0; font-weight: 600; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 0.92rem; }
th, td { text-align: left; padding: 6px 14px 6px 0; border-bottom: 1px solid var(--rule);
  vertical-align: top; }
tr:last-child > * { border-bottom: 0; }
th { font-weight: 600; color: var(--muted); }
thead th { white-space: nowrap; vertical-align: bottom; }
.num { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td code { display: inline-block; min-width: 26ch; font-size: 0.82em; }
.wrap { overflow-wrap: anywhere; min-width: 15ch; }
figure { display: flex; flex-direction: column; }
figure > .scroll { flex: 1; display: grid; align-content: center; }
figcaption { font-size: 0.9rem; margin-top: 8px; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 16px; list-style: none; margin: 8px 0 0;
  padding: 0; font-size: 0.88rem; }
.legend svg { width: 26px; height: 12px; margin-right: 6px; vertical-align: -1px; }
svg.chart, svg.drawing { display: block; width: 100%; height: auto; }
svg.drawing { color: var(--text); margin: 0 auto; }
svg.chart { max-width: 640px; margin: 0 auto; }
"""

REST = """\
footer { margin-top: 22px; font-size: 0.88rem; color: var(--muted); }
@media (max-width: 520px) {
  main { padding: 18px 12px 32px; }
  section, figure { padding: 14px; }
  .value { font-size: 2.1rem; }
  .chart text { font-size: 16px; }
  td code { min-width: 22ch; overflow-wrap: anywhere; }
}
@media print {
  :root { --page: #fff; --card: #fff; --text: #000; --muted: #444; --rule: #ccc; --soft: #f4f4f4;
    --blue: #0072b2; --red: #d55e00; --grey: #8b929c; }
  main { max-width: none; padding: 0; }
  section, figure { break-inside: avoid; border-color: #ccc; }
  .scroll { overflow: visible; }
  td code { min-width: 0; overflow-wrap: anywhere; }
}
"""

STYLE = PAGE + CHARTS + REST
