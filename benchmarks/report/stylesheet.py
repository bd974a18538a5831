"""The style sheet of the page, for light and dark screens and for print."""

CSS = """
:root { color-scheme: light dark; --ink: #1b1f24; --quiet: #5b656e; --line: #dde1e5; --paper: #fbfbfa; --card: #fff;
  --ours: #0b5cad; --good: #1a7f4b; --bad: #b3261e; --stripe: #f3f4f5; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e3e6e8; --quiet: #9aa4ad; --line: #343a40; --paper: #14171a; --card: #1b1f23; --ours: #7db8f5;
    --good: #6fcf97; --bad: #ff8a80; --stripe: #1f2428; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 68rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 .4rem; letter-spacing: -.01em; }
h2 { font-size: 1.3rem; margin: 3rem 0 .2rem; padding-top: 1.2rem; border-top: 1px solid var(--line); }
h3 { font-size: 1.05rem; margin: 2rem 0 .4rem; }
p { max-width: 46rem; margin: .5rem 0; }
p.quiet, .quiet { color: var(--quiet); }
a { color: var(--ours); }
nav ul { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .35rem 1.1rem; margin: 1.2rem 0 0; }
code { font: .88em ui-monospace, monospace; background: var(--stripe); padding: .12em .35em; border-radius: 4px; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.2rem; margin: 1rem 0; }
dt { color: var(--quiet); }
dd { margin: 0; }
.wide { overflow-x: auto; margin: .8rem 0 0; }
table { border-collapse: collapse; width: 100%; font-size: .875rem; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 600; color: var(--quiet); border-bottom: 1px solid var(--ink);
  padding: .35rem .7rem .35rem 0; }
td { vertical-align: top; border-bottom: 1px solid var(--line); padding: .4rem .7rem .4rem 0; }
td.number { white-space: nowrap; }
.good { color: var(--good); }
.bad { color: var(--bad); font-weight: 700; }
figure { margin: 1.4rem 0; }
figure .card { background: #fff; border: 1px solid var(--line); border-radius: 8px; padding: .4rem; max-width: 54rem; }
figure svg { display: block; width: 100%; height: auto; }
summary { cursor: pointer; color: var(--quiet); font-size: .875rem; margin-top: .5rem; }
@media print {
  :root { --paper: #fff; }
  main { max-width: none; padding: 0; }
  figure, tr { break-inside: avoid; }
  nav, details { display: none; }
}
"""
